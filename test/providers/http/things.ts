import { onTestFinished } from 'vitest'
import type { Answer as Received } from '../../../src/providers/http/answer.ts'
import { type Dialect, retryAfterMs } from '../../../src/providers/http/dialect.ts'
import type { ErrorCode } from '../../../src/snapshots/errors.ts'
import { type Answer, type EmulatorServer, type Exchange, serveEmulator } from '../../emulators/http.ts'

export interface Thing {
  id: string
  name: string
}

/** A small vendor: things are made, listed, read, renamed and removed. */
export interface Things extends EmulatorServer {
  all: Map<string, Thing>
  /** How many were ever made. */
  made(): number
}

const refusal = (status: number, id: string, message: string): Answer => ({
  status,
  body: { id, message },
  headers: { 'x-request-id': 'req-1' },
})
const missing = () => refusal(404, 'not_found', 'There is no such thing.')

/** Serves them for the running test. `key` is the only one that is let in. */
export async function serveThings(key: string): Promise<Things> {
  const all = new Map<string, Thing>()
  let made = 0
  const known = ({ params }: Exchange, answer: (thing: Thing) => Answer) => {
    const thing = all.get(params.id!)
    return thing ? answer(thing) : missing()
  }
  const server = await serveEmulator({
    authorize: ({ headers }) =>
      headers.authorization === `Bearer ${key}` ? undefined : refusal(401, 'unauthorized', 'Who are you?'),
    notFound: missing,
    badJson: () => refusal(400, 'bad_request', 'This is not JSON.'),
    routes: {
      'GET /api/things': ({ query }) => ({
        status: 200,
        body: { things: [...all.values()], query: [...query] },
      }),
      'GET /api/things/{id}': (exchange) => known(exchange, (thing) => ({ status: 200, body: thing })),
      'PUT /api/things/{id}': (exchange) =>
        known(exchange, (thing) => ({ status: 200, body: Object.assign(thing, exchange.body) })),
      'DELETE /api/things/{id}': (exchange) =>
        known(exchange, ({ id }) => {
          all.delete(id)
          return { status: 204 }
        }),
      'POST /api/things': ({ body }) => {
        const thing = { id: `t${++made}`, name: (body as Thing).name }
        all.set(thing.id, thing)
        return { status: 201, body: thing, headers: { 'x-request-id': 'req-1' } }
      },
      'GET /api/echo': ({ headers }) => ({
        status: 200,
        body: { [`${headers.authorization}`]: [headers.authorization, 'fine'] },
        headers: { 'x-echo': `${headers.authorization}` },
      }),
    },
  })
  onTestFinished(() => server.close())
  return Object.assign(server, { all, made: () => made })
}

const CODES: Record<number, ErrorCode> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  404: 'NOT_FOUND',
  409: 'CONFLICT',
  429: 'RATE_LIMITED',
}

export const thingDialect: Dialect = {
  title: 'Things',
  errorOf({ status, body }: Received) {
    const { message } = (body ?? {}) as { message?: string }
    if (message === undefined) return undefined
    return { code: CODES[status] ?? 'PROVIDER_UNAVAILABLE', message }
  },
  waitOf: ({ headers }, now) => retryAfterMs(headers['retry-after'], now),
  requestIdOf: ({ headers }) => headers['x-request-id']?.toString(),
}
