import type { IncomingHttpHeaders } from 'node:http'
import type { z } from 'zod'
import { type Address, addressesOf, handedOut, type Query } from './http/address.ts'
import { type Answer, foreign, readAnswer } from './http/answer.ts'
import type { Dialect } from './http/dialect.ts'
import { type CallContext, createExchange, type Scope } from './http/exchange.ts'
import { linesOf } from './http/lines.ts'
import { createProblems } from './http/problems.ts'
import type { Rate } from './http/rate.ts'
import { createRedactor } from './http/redact.ts'
import type { Secret } from './http/secret.ts'
import { bounded, realTime, type Time } from './http/time.ts'
import { type Arrival, createWire, type Method, type WireRequest } from './http/wire.ts'

/**
 * Talks to the API of one vendor with one key. Every failure is a SnapshotError that says whether something may have
 * changed. Reads and deletes are repeated for a while when the vendor is busy or away; what creates is repeated only
 * when it cannot have been carried out. The key goes to the vendor and nowhere else, and is taken out of whatever
 * comes back.
 */
export interface Http {
  /** PROVIDER_BUG when the answer does not fit the schema. */
  json<T>(call: JsonCall<T>, ctx: CallContext): Promise<Reply<T>>
  /** NOT_FOUND when it was not there; but what is gone after an own earlier try counts as deleted. */
  remove(call: BodyCall, ctx: CallContext): Promise<Reply<undefined>>
  /** A text that may still be growing, line by line. NETWORK when it breaks off. */
  lines(call: LinesCall, ctx: CallContext): AsyncGenerator<string>
  /** Ends what is still under way: CANCELLED. */
  close(): Promise<void>
}

interface Call {
  /** Segments below the base URL, as they are: they get encoded here. */
  path: readonly (string | number)[]
  /** What is undefined is left out. */
  query?: Query
  /** For the call with all its waits and retries. Default one minute. */
  timeoutMs?: number
}

export interface BodyCall extends Call {
  /** Sent as JSON. */
  body?: unknown
  /** For a call that the vendor answers only when the work is done. Default half a minute. */
  firstByteMs?: number
}

export interface JsonCall<T> extends BodyCall {
  method: Exclude<Method, 'DELETE'>
  /** Of the answer. An empty body is `undefined`. */
  schema: z.ZodType<T>
}

/** `url` is for an address that the vendor has handed out. */
export type LinesCall = (Pick<Call, 'path' | 'query'> | { url: string; query?: Query }) & {
  timeoutMs: number
}

export interface Reply<T> {
  status: number
  body: T
  headers: IncomingHttpHeaders
  request_id?: string
}

export interface HttpOptions {
  provider: string
  baseUrl: string
  key: Secret
  dialect: Dialect
  /** Sent with every request. */
  headers?: Record<string, string>
  /** What the vendor allows for one key. */
  rate?: Rate
  /** Whether an address that the vendor has handed out may see the key. Default: the origin of the base URL only. */
  trusts?(url: URL): boolean
  time?: Time
  random?: () => number
  limits?: Partial<typeof LIMITS>
}

const LIMITS = { connectMs: 5_000, firstByteMs: 30_000, timeoutMs: 60_000, answerBytes: 16 * 2 ** 20 }

export function createHttp(options: HttpOptions): Http {
  const { provider, dialect, key, rate, time = realTime, random = Math.random } = options
  const limits = { ...LIMITS, ...options.limits }
  const addressOf = addressesOf(options.baseUrl)
  const trusts = options.trusts ?? (({ origin }) => origin === new URL(options.baseUrl).origin)
  const redact = createRedactor(key)
  const problems = createProblems(provider, dialect, redact)
  const ending = new AbortController()
  const wire = createWire({ connectMs: limits.connectMs, time })
  const read = (arrival: Arrival, signal: AbortSignal) =>
    readAnswer(arrival, signal, limits.answerBytes, redact)
  const exchange = createExchange({ provider, wire, dialect, problems, redact, time, random, rate, read })

  function requestOf(
    method: Method,
    address: Address,
    call: Pick<BodyCall, 'body' | 'firstByteMs'>,
  ): WireRequest {
    const { body, firstByteMs = limits.firstByteMs } = call
    const headers = {
      'user-agent': 'snapshot-mcp',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...options.headers,
      authorization: `Bearer ${key.reveal()}`,
    }
    return {
      ...address,
      method,
      headers,
      firstByteMs,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }
  }

  /** To be released when the call is over. */
  function scopeOf({ signal: wanted, log }: CallContext, ms: number): { scope: Scope; release(): void } {
    const { signal, release } = bounded([wanted, ending.signal], ms, time)
    const cancelled = () => wanted.aborted || ending.signal.aborted
    return { scope: { signal, deadline: time.now() + ms, cancelled, log }, release }
  }

  async function ask(method: Method, call: BodyCall, ctx: CallContext) {
    const { path, query, timeoutMs = limits.timeoutMs } = call
    const request = requestOf(method, addressOf(path, query), call)
    const { scope, release } = scopeOf(ctx, timeoutMs)
    return exchange(request, scope, read).finally(release)
  }

  function replyOf<T>(answer: Answer, body: T): Reply<T> {
    const request_id = dialect.requestIdOf(answer)
    const { status, headers } = answer
    return { status, headers, body, ...(request_id === undefined ? {} : { request_id }) }
  }

  return {
    async json({ method, schema, ...call }, ctx) {
      const { good, fate } = await ask(method, call, ctx)
      if (foreign(good)) throw problems.unreadable(good, fate, 'it is not JSON')
      const parsed = schema.safeParse(good.body)
      if (!parsed.success) throw problems.unreadable(good, fate, firstIssue(parsed.error))
      return replyOf(good, parsed.data)
    },
    async remove(call, ctx) {
      const { good, fate } = await ask('DELETE', call, ctx)
      // The page of something in between does not prove that anything is gone.
      if (good.status === 404 && foreign(good)) throw problems.refused(good, fate)
      return replyOf(good, undefined)
    },
    async *lines({ timeoutMs, query, ...from }, ctx) {
      const address = 'url' in from ? handedOut(from.url, query, trusts) : addressOf(from.path, query)
      const { scope, release } = scopeOf(ctx, timeoutMs)
      try {
        const request = requestOf('GET', address, {})
        const { good, fate } = await exchange(request, scope, async (arrival) => arrival)
        try {
          for await (const line of linesOf(good.body)) yield redact(line)
        } catch (cause) {
          const why = scope.signal.aborted ? 'stopped' : 'broken'
          throw problems.unanswered({ why, sent: true, cause }, fate, scope.cancelled())
        }
      } finally {
        release()
      }
    },
    async close() {
      ending.abort()
      await wire.close()
    },
  }
}

/** Where in the answer, and what was expected there. */
function firstIssue({ issues: [issue] }: z.ZodError): string {
  return `at ${issue?.path.join('.') || 'the top'}, ${issue?.message}`
}
