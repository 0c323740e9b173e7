import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { logOf } from '../app.ts'
import type { Listening } from '../config/listening.ts'
import type { Config } from '../config.ts'
import { fail } from '../snapshots/errors.ts'
import { NAME, VERSION } from '../version.ts'
import { type Assembly, type AssemblyOptions, assemble } from './assembly.ts'
import type { Phase } from './face.ts'
import { approverKeyPath } from './gate/index.ts'
import { createSlowReaders } from './slow-readers.ts'

/** How long what runs may take to come to an end once the server is told to stop (ms). */
const GRACE_MS = 30_000
const LOOK_MS = 20
/** A client that is slow with its headers, or with its request, is not waited for longer (ms). */
const HEADERS_MS = 10_000
const REQUEST_MS = 30_000
const KEEP_ALIVE_MS = 65_000

/** Serves Streamable HTTP until a signal arrives. Rejects with INVALID_ARGUMENT where it cannot listen. */
export async function serveHttp(config: Config, hooks: Pick<AssemblyOptions, 'extend'> = {}): Promise<void> {
  const { http: listening } = config
  if (!listening) throw new Error('not configured to listen')
  const log = logOf(config)
  let phase: Phase = 'serving'
  // Known for certain once it listens, which it does when all that answers is there.
  let origin = listening.publicUrl ?? ''
  const parts = await assemble(config, {
    ...hooks,
    listening,
    origin: () => origin,
    phase: () => phase,
    log,
  })
  const server = serverOf(listening, parts)
  const { port } = await listen(server, listening)
  origin ||= `http://${urlHost(listening.host)}:${port}`

  if (listening.replicas > 1 && !parts.shared)
    log.warn(
      'Several replicas share no state, so none of them does what destroys: give them --state redis://...',
    )
  log.info(`${NAME} ${VERSION} listens`, {
    url: `${origin}/mcp`,
    port,
    access: config.accessFile ?? `whoever reaches ${listening.host}`,
    legacy: listening.legacy,
    ...(config.accessFile === undefined && { approver_key: approverKeyPath(config.home) }),
  })

  const reason = await signalled()
  phase = 'draining'
  log.info('Closing', { reason, running: parts.underWay() })
  server.closeIdleConnections()
  // A call has come to its end when its answer has left; what its client gave up runs on without one. Until then it
  // listens: what a call waits for may come on another connection, and whoever watches is told how things are.
  const until = performance.now() + GRACE_MS
  while (parts.underWay() > 0 && performance.now() < until) await sleep(LOOK_MS)
  phase = 'closing'
  const closed = new Promise((resolve) => server.close(resolve))
  await parts.close()
  server.closeAllConnections()
  await closed
}

function serverOf({ limits }: Listening, { answer, metrics }: Assembly): Server {
  const server = createServer(
    {
      headersTimeout: HEADERS_MS,
      requestTimeout: REQUEST_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: 2000,
    },
    answer,
  )
  server.maxConnections = limits.connections
  server.on('drop', () => metrics.refused('connections'))
  server.on('connection', createSlowReaders(() => performance.now()).watch)
  metrics.gauge('snapshot_mcp_connections', 'Open connections', () => connectionsOf(server))
  return server
}

async function listen(server: Server, { host, port }: Listening): Promise<AddressInfo> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => reject(taken(host, port, cause)))
    server.listen(port, host, resolve)
  })
  return server.address() as AddressInfo
}

const taken = (host: string, port: number, cause: NodeJS.ErrnoException) =>
  fail(
    'INVALID_ARGUMENT',
    `It cannot listen on ${host} port ${port}: ${cause.code}.`,
    'Choose another --port or --host.',
    { cause },
  )

const urlHost = (host: string) => (host.includes(':') ? `[${host}]` : host)

const connectionsOf = (server: Server) =>
  new Promise<number>((resolve) => server.getConnections((_error, count) => resolve(count ?? 0)))

const signalled = () =>
  new Promise<string>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve(signal))
  })
