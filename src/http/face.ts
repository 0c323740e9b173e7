import type { IncomingMessage, ServerResponse } from 'node:http'
import { requestIdOf, withRequest } from '../request-context.ts'
import { toProblem } from '../snapshots/errors.ts'
import type { Log } from '../snapshots/provider.ts'
import { traceOfHeaders } from '../tracing/context.ts'
import type { ApprovalPage } from './approve/page.ts'
import { hasRequest, readMessage } from './body.ts'
import { MAX_BODY, MODERN } from './desk.ts'
import type { Desks } from './desks.ts'
import type { Gate } from './gate.ts'
import type { Health } from './health.ts'
import { lasting } from './lasting.ts'
import type { Limits } from './limits.ts'
import type { Metrics } from './metrics.ts'
import type { Names } from './names.ts'
import { answerJson, answerRefusal, answerText, Refusal, refuse } from './refusal.ts'
import { sendResponse, webRequest } from './web.ts'

export interface FaceOptions {
  names: Names
  gate: Gate
  limits: Limits
  desks: Desks
  page: ApprovalPage
  health: Health
  metrics: Metrics
  phase(): Phase
  log: Log
}

/**
 * A server that is `draining` is about to end: it sends elsewhere what begins now, and takes what belongs to what runs.
 * One that is `closing` takes nothing more.
 */
export type Phase = 'serving' | 'draining' | 'closing'

type Route = 'mcp' | 'approve' | 'healthz' | 'readyz' | 'metrics' | 'well-known' | 'other'

/** Answers every request: who may not is refused before the body is read, and nothing that goes wrong is a crash. */
export function createFace(options: FaceOptions): (req: IncomingMessage, res: ServerResponse) => void {
  const { names, metrics, log } = options

  async function answer(req: IncomingMessage, res: ServerResponse, url: URL, route: Route): Promise<void> {
    names.check(req)
    if (!METHODS.includes(req.method ?? '')) throw noMethod()
    if (names.cors(req, res)) return
    const phase = options.phase()
    if (phase !== 'serving') res.setHeader('connection', 'close')
    if (route === 'healthz') return answerText(res, 200, 'ok\n', PLAIN)
    if (route === 'readyz') return readiness(options, res)
    if (phase === 'closing' || (phase === 'draining' && !isOfSession(req, route))) throw ending()
    if (route === 'metrics') return scrape(options, req, res)
    if (route === 'approve') return options.page.handle(req, res, url)
    if (route === 'mcp') return serveMcp(options, req, res, phase)
    if (options.gate.answerMetadata(req, res, url.pathname)) return
    answerJson(res, 404, { error: 'There is nothing here. MCP is served at /mcp.' })
  }

  return (req, res) => {
    const letBe = endWithConnection(req, res)
    const started = performance.now()
    const request = requestIdOf(req)
    const url = urlOf(req)
    const route = routeOf(url.pathname)
    // With those of a pipeline the listeners here are about as many as node takes for a leak.
    res.setMaxListeners(20)
    res.setHeader('x-request-id', request)
    res.setHeader('x-content-type-options', 'nosniff')
    res.once('close', () => {
      letBe()
      const seconds = (performance.now() - started) / 1000
      metrics.http(route, req.method ?? '', res.statusCode, seconds)
      log.debug('answered', {
        route,
        method: req.method,
        status: res.statusCode,
        ms: Math.round(seconds * 1000),
      })
    })
    const trace = traceOfHeaders(req.headers)
    void withRequest({ request, ...(trace && { trace }) }, async () => {
      try {
        await answer(req, res, url, route)
      } catch (error) {
        answerError(error, req, res)
      }
    })
  }

  function answerError(error: unknown, req: IncomingMessage, res: ServerResponse): void {
    if (error instanceof Refusal) {
      if (error.kind) metrics.refused(error.kind)
      answerRefusal(res, error)
      return
    }
    // Whoever hangs up in the middle of a request gets no answer and is no defect.
    if (req.destroyed && !req.complete) return void res.destroy()
    log.error('A request could not be answered', { error })
    if (res.headersSent) return void res.destroy()
    const problem = toProblem(error)
    answerRefusal(res, new Refusal(problem.code === 'INTERNAL' ? 500 : 503, problem))
  }
}

/**
 * Only its path and query count. What is none, or names a whole address as proxies are asked, leads nowhere; nor does a
 * path that only reading it as an address makes another: what stands before this server may have let in the one it saw.
 */
function urlOf({ url = '' }: IncomingMessage): URL {
  const [path = ''] = url.split('?', 1)
  const read = /^\/(?!\/)/.test(path) && URL.canParse(url, HERE) ? new URL(url, HERE) : undefined
  return read?.pathname === path ? read : new URL('/nowhere', HERE)
}
const HERE = 'http://localhost'

const PLAIN = { 'content-type': 'text/plain; charset=utf-8' }

function routeOf(path: string): Route {
  if (path === '/mcp') return 'mcp'
  if (path === '/healthz' || path === '/readyz' || path === '/metrics') return path.slice(1) as Route
  if (path === '/approve' || path.startsWith('/approve/')) return 'approve'
  return path.startsWith('/.well-known/') ? 'well-known' : 'other'
}

async function serveMcp(
  { gate, limits, desks }: FaceOptions,
  req: IncomingMessage,
  res: ServerResponse,
  phase: Phase,
) {
  // A proxy that gathers what is streamed would hold progress back.
  res.setHeader('x-accel-buffering', 'no')
  const identify = () => gate.identify(req, 'mcp')
  const identity = await limits.identify(req, identify)
  if (isStream(req)) lasting(res, identity, identify)
  const leaveLine = await limits.enter(identity, { stream: isStream(req) })
  atEnd(req, res, leaveLine)
  const { desk, leave } = await desks.enter(identity)
  atEnd(req, res, leave)
  if (isOver(req, res)) return
  const message = await readMessage(req, MAX_BODY)
  if (phase === 'draining' && hasRequest(message)) throw ending()
  await sendResponse(res, await desk.serve(webRequest(req, res, message), identity, message))
}

/**
 * Of requests that a client sends without waiting, all are carried out and one is answered after the other. When their
 * connection ends, node says so to the one whose turn it is; the others would never end. Returns how to leave that be.
 */
function endWithConnection({ socket }: IncomingMessage, res: ServerResponse): () => void {
  const end = () => void (res.socket === null && res.emit('close'))
  socket.setMaxListeners(0).once('close', end)
  return () => void socket.off('close', end)
}

/** When the answer has left or its client is gone, which it may be since we last looked. */
function atEnd(req: IncomingMessage, res: ServerResponse, leave: () => void): void {
  if (isOver(req, res)) leave()
  else res.once('close', leave)
}

const isOver = ({ socket }: IncomingMessage, { closed }: ServerResponse) => closed || socket.destroyed

/**
 * One that stays open for as long as the client likes. The header counts only with the revision under which it is held
 * against the body.
 */
const isStream = ({ method, headers }: IncomingMessage) =>
  method === 'GET' ||
  (headers['mcp-method'] === 'subscriptions/listen' && headers['mcp-protocol-version'] === MODERN)

/** What may be the answer of a person to a call that runs, or take it back. Its body tells for certain. */
const isOfSession = ({ method, headers }: IncomingMessage, route: Route) =>
  route === 'mcp' && method === 'POST' && headers['mcp-session-id'] !== undefined

async function readiness({ health, phase }: FaceOptions, res: ServerResponse) {
  const report = await health.ready(phase() !== 'serving')
  answerJson(res, report.ready ? 200 : 503, report)
}

async function scrape({ gate, limits, metrics }: FaceOptions, req: IncomingMessage, res: ServerResponse) {
  await limits.identify(req, () => gate.identify(req, 'metrics'))
  const { body, contentType } = await metrics.text()
  answerText(res, 200, body, { 'content-type': contentType })
}

const ending = () =>
  refuse(
    503,
    [
      'PROVIDER_UNAVAILABLE',
      'This server is about to end. Nothing was done.',
      'Send the request again: another one answers it.',
    ],
    { retry_after_ms: 2000 },
  )

const METHODS = ['GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS']

const noMethod = () =>
  refuse(
    405,
    ['INVALID_ARGUMENT', 'Nothing here is asked with this method. Nothing was done.', 'Send MCP with POST.'],
    { headers: { allow: METHODS.join(', ') } },
  )
