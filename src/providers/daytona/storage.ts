import type { Readable } from 'node:stream'
import { Agent, request } from 'undici'
import { fail, SnapshotError } from '../../snapshots/errors.ts'
import { plain } from '../../snapshots/plain.ts'
import type { CallContext } from '../http/exchange.ts'
import { backoffMs } from '../http/retry.ts'
import { bounded, type Time } from '../http/time.ts'
import { STORAGE_REGION } from './assumptions.ts'
import type { PushAccess } from './schemas.ts'
import { type Credentials, sha256, signedHeaders } from './signature.ts'

/** The S3 storage that build contexts are uploaded to. It never sees the key of the API. */
export interface Storage {
  /** Uploads a context, unless it is there already. */
  put(
    access: PushAccess,
    context: { archive: Buffer; hash: string },
    ctx: CallContext,
  ): Promise<'uploaded' | 'there'>
  close(): Promise<void>
}

const UPLOAD_MS = 15 * 60_000
const TRIES = 4
const CONNECT_MS = 5_000
/** Of an answer, in characters. */
const MOST_READ = 4096

export function createStorage({ time, random }: { time: Time; random: () => number }): Storage {
  const dispatcher = new Agent({ connect: { timeout: CONNECT_MS }, headersTimeout: 0, bodyTimeout: 0 })

  /** Status, and what the storage calls its refusal. Its text is not passed on: it may repeat the request. */
  async function send(
    method: 'HEAD' | 'PUT',
    url: URL,
    credentials: Credentials,
    body: Buffer,
    signal: AbortSignal,
  ) {
    const headers = signedHeaders({ method, url, bodySha256: sha256(body) }, credentials, time.now())
    const options = { method, headers, signal, dispatcher, ...(method === 'PUT' && { body }) }
    const reply = await request(url, options)
    const text = await beginningOf(reply.body)
    return { status: reply.statusCode, code: /<Code>(\w{1,60})<\/Code>/.exec(text)?.[1] }
  }

  /** The same bytes under the same name: to repeat it does no harm. */
  async function insist(...args: Parameters<typeof send>) {
    const signal = args[4]
    for (let tries = 1; ; tries++) {
      const outcome = await send(...args).catch(() => ({ status: 0, code: undefined }))
      signal.throwIfAborted()
      if (tries >= TRIES || (outcome.status > 0 && outcome.status < 500)) return outcome
      await time.sleep(backoffMs(tries - 1, random), signal)
    }
  }

  return {
    async put(access, { archive, hash }, ctx) {
      const { bucket, organizationId, region } = access
      const url = addressOf(access.storageUrl, [bucket, organizationId, hash, 'context.tar'])
      const credentials = { ...access, region: region || STORAGE_REGION }
      const { signal, release } = bounded([ctx.signal], UPLOAD_MS, time)
      try {
        const found = await insist('HEAD', url, credentials, Buffer.alloc(0), signal)
        if (found.status === 200) return 'there'
        const put = await insist('PUT', url, credentials, archive, signal)
        if (put.status >= 200 && put.status < 300) return 'uploaded'
        throw refused(put)
      } catch (error) {
        if (error instanceof SnapshotError || !signal.aborted) throw error
        throw ctx.signal.aborted ? cancelled() : refused({ status: 0, code: undefined })
      } finally {
        release()
      }
    },
    close: () => dispatcher.destroy(),
  }
}

/** Where a refusal has its code. What comes behind it is not waited for. */
async function beginningOf(body: Readable): Promise<string> {
  // It may break when nobody reads it any more.
  body.on('error', () => {})
  let text = ''
  for await (const chunk of body) {
    text += chunk
    if (text.length >= MOST_READ) break
  }
  return text
}

/** Old servers name the host alone. */
function addressOf(storageUrl: string, segments: readonly string[]): URL {
  const text = /^https?:\/\//i.test(storageUrl) ? storageUrl : `https://${storageUrl}`
  const path = segments.map(encode).join('/')
  if (URL.canParse(text) && !segments.some((segment) => /^\.{0,2}$/.test(segment)))
    return new URL(`${text.replace(/\/+$/, '')}/${path}`)
  throw fail(
    'PROVIDER_BUG',
    'Daytona names a storage for build contexts that is no address. Nothing was changed.',
    'Call again later, or build from an image.',
    { provider: 'daytona' },
  )
}

/** More than encodeURIComponent leaves alone, as the signature demands it. */
const encode = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`)

function refused({ status, code }: { status: number; code: string | undefined }): SnapshotError {
  const what = status === 0 ? 'could not be reached' : `answered ${status}${code ? ` (${plain(code)})` : ''}`
  return fail(
    status === 0 ? 'NETWORK' : 'PROVIDER_UNAVAILABLE',
    `The storage that Daytona uses for build contexts ${what}. No snapshot was made.`,
    'Call again later.',
    { provider: 'daytona', ...(status > 0 && { status }) },
  )
}

const cancelled = () =>
  fail('CANCELLED', 'The upload of the build context was cancelled. No snapshot was made.', 'Call again.')
