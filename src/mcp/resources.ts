import {
  type McpServer,
  ProtocolError,
  ProtocolErrorCode,
  ResourceNotFoundError,
  ResourceTemplate,
} from '@modelcontextprotocol/server'
import type { Scope } from '../config/access.ts'
import type { Caller } from '../snapshots/caller.ts'
import { toProblem } from '../snapshots/errors.ts'
import { type Snapshot, SnapshotId } from '../snapshots/model.ts'
import { plain } from '../snapshots/plain.ts'
import type { Log } from '../snapshots/provider.ts'
import { GetArgs, ListArgs } from '../snapshots/requests.ts'
import type { Service } from '../snapshots/service-api.ts'
import { readChallenge } from './scopes.ts'
import { snapshotLine } from './tools/wording.ts'

export interface Readable {
  service: () => Promise<Service>
  providers: readonly string[]
  principal: string
  /** Of the credential over HTTP. */
  scopes?: readonly Scope[]
  log: Log
}

const MIME = 'application/json'
const PAGE = 100

/** Every snapshot as a resource `snapshot://{provider}/{id}`: what a person picks from a list to show it to a model. */
export function registerResources(server: McpServer, options: Readable): void {
  const template = new ResourceTemplate('snapshot://{provider}/{id}', {
    list: ({ mcpReq }) =>
      answered(options, async () => {
        const snapshots = await newest(options, mcpReq.signal, {})
        return { resources: snapshots.map(resourceOf) }
      }),
    complete: {
      provider: (value) => options.providers.filter((name) => name.startsWith(value)),
      id: (value, context) => completeId(options, value, context?.arguments?.provider),
    },
  })
  server.registerResource(
    'snapshot',
    template,
    {
      title: 'Snapshot',
      description: 'Details of one snapshot as JSON',
      mimeType: MIME,
      ...(options.scopes && { scopeChallenge: readChallenge }),
    },
    (uri, { provider, id }, { mcpReq }) =>
      answered(options, async () => {
        const snapshot = SnapshotId.safeParse(`${provider}:${decoded(String(id))}`)
        if (!snapshot.success) throw new ResourceNotFoundError(uri.href)
        const service = await options.service()
        const args = GetArgs.parse({ snapshot: snapshot.data })
        const reply = await service.get(args, reader(options, mcpReq.signal)).catch((error: unknown) => {
          const { code } = toProblem(error)
          throw code === 'NOT_FOUND' || code === 'INVALID_ARGUMENT'
            ? new ResourceNotFoundError(uri.href)
            : error
        })
        return {
          contents: [{ uri: uri.href, mimeType: MIME, text: JSON.stringify(reply.snapshot, undefined, 2) }],
        }
      }),
  )
}

/** The native ids of a provider's newest snapshots that begin with `value`. */
export async function completeId(
  options: Readable,
  value: string,
  provider: string | undefined,
): Promise<string[]> {
  const filter = provider === undefined ? {} : { provider }
  const snapshots = await newest(options, new AbortController().signal, filter).catch(() => [])
  return snapshots.map(nativeId).filter((id) => id.startsWith(value))
}

export async function newest(
  options: Readable,
  signal: AbortSignal,
  filter: { provider?: string },
): Promise<Snapshot[]> {
  if (options.scopes && !options.scopes.includes('snapshots:read')) return []
  const service = await options.service()
  const { items } = await service.list(ListArgs.parse({ ...filter, limit: PAGE }), reader(options, signal))
  return items
}

/** Of the snapshot with this id, `provider:native`. */
export function uriOf(id: string): string {
  const colon = id.indexOf(':')
  return `snapshot://${id.slice(0, colon)}/${encodeURIComponent(id.slice(colon + 1))}`
}

function resourceOf(snapshot: Snapshot) {
  return {
    uri: uriOf(snapshot.id),
    name: plain(snapshot.name, 128),
    description: snapshotLine(snapshot),
    mimeType: MIME,
  }
}

const nativeId = ({ id }: Snapshot) => id.slice(id.indexOf(':') + 1)

function decoded(id: string): string {
  try {
    return decodeURIComponent(id)
  } catch {
    return ''
  }
}

/** Somebody who reads and is never asked anything. */
const reader = ({ principal }: Readable, signal: AbortSignal): Caller => ({
  principal,
  signal,
  progress: () => {},
  canAsk: false,
})

/** Errors of the protocol pass; of anything else only what a caller may see. */
async function answered<T>({ log }: Readable, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof ProtocolError) throw error
    const problem = toProblem(error)
    if (problem.code === 'INTERNAL') log.error('A resource could not be read', { error })
    throw new ProtocolError(ProtocolErrorCode.InternalError, `${problem.code}: ${problem.message}`, problem)
  }
}
