import { AsyncLocalStorage } from 'node:async_hooks'
import type { IncomingMessage } from 'node:http'
import type { Problem } from './snapshots/errors.ts'

/** What every log line says that is written while a request is handled, however deep down. */
export interface RequestContext {
  request: string
  /** The id of the trace that the request belongs to, 32 hexadecimal digits. */
  trace?: string
}

const requests = new AsyncLocalStorage<RequestContext>()

export const withRequest = <T>(context: RequestContext, work: () => T): T => requests.run(context, work)

/** For what goes on in the background and belongs to no request, though one has set it going. */
export const outsideRequests = <T>(work: () => T): T => requests.exit(work)

export const currentRequest = (): RequestContext | undefined => requests.getStore()

/** 16 hexadecimal digits. */
export const newRequestId = () => Buffer.from(crypto.getRandomValues(new Uint8Array(8))).toString('hex')

/** The id that a client or a proxy gave the request, where it is one that fits into a log. */
export function requestIdOf({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const given = headers['x-request-id']
  return typeof given === 'string' && /^[\w.-]{1,64}$/.test(given) ? given : newRequestId()
}

/** A defect is told without its text: the id leads whoever quotes it to the line that has it. */
export function quotable(problem: Problem): Problem {
  const id = currentRequest()?.request
  if (problem.code !== 'INTERNAL' || id === undefined) return problem
  return { ...problem, request_id: id, hint: `${problem.hint} There it is request ${id}.` }
}
