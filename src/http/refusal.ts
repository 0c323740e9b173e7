import type { ServerResponse } from 'node:http'
import { fail, type Problem } from '../snapshots/errors.ts'
import type { RefusalKind } from './metrics.ts'

/** An answer in place of what was asked for, with its HTTP status. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly status: number
  readonly problem: Problem
  readonly headers: Readonly<Record<string, string>>
  /** What it is counted as, where nobody has counted it yet. */
  readonly kind: RefusalKind | undefined

  constructor(status: number, problem: Problem, headers: Record<string, string> = {}, kind?: RefusalKind) {
    super(problem.message)
    this.status = status
    this.problem = problem
    this.headers = headers
    this.kind = kind
  }
}

export function refuse(
  status: number,
  [code, message, hint]: Parameters<typeof fail>,
  {
    retry_after_ms,
    headers = {},
    kind,
  }: { retry_after_ms?: number; headers?: Record<string, string>; kind?: RefusalKind } = {},
): Refusal {
  const more = retry_after_ms === undefined ? {} : { retry_after_ms, retryable: true }
  const { problem } = fail(code, message, hint, more)
  const wait = retry_after_ms === undefined ? {} : { 'retry-after': String(Math.ceil(retry_after_ms / 1000)) }
  return new Refusal(status, problem, { ...wait, ...headers }, kind)
}

const PARSE_ERROR = -32_700
/** The number that is left to servers, for what happens before a message is looked at. */
const SERVER_ERROR = -32_000

/** The refusal as a JSON-RPC error that belongs to no message, because none was read. */
export function answerRefusal(res: ServerResponse, { status, problem, headers }: Refusal): void {
  const { code, message, hint, retryable, retry_after_ms } = problem
  const data = { code, message, hint, retryable, ...(retry_after_ms !== undefined && { retry_after_ms }) }
  const error = { code: status === 400 ? PARSE_ERROR : SERVER_ERROR, message: `${code}: ${message}`, data }
  answerJson(res, status, { jsonrpc: '2.0', id: null, error }, headers)
}

export function answerJson(
  res: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  answerText(res, status, JSON.stringify(body), { 'content-type': 'application/json', ...headers })
}

export function answerText(
  res: ServerResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>>,
): void {
  if (res.headersSent || res.destroyed) return
  const length = String(Buffer.byteLength(text))
  res.writeHead(status, { 'cache-control': 'no-store', ...headers, 'content-length': length }).end(text)
}
