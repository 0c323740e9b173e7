import { randomUUID } from 'node:crypto'
import type { Answer } from '../http.ts'
import { refuse } from '../refusal.ts'

/** The one error shape of the API, its request id in the body and in a header. */
export function problem(
  status: number,
  id: string,
  message: string,
  headers: Record<string, string> = {},
): Answer {
  const request_id = randomUUID()
  return { status, body: { id, message, request_id }, headers: { 'x-request-id': request_id, ...headers } }
}

export const notFound = () => problem(404, 'not_found', 'The resource you requested could not be found.')
export const unauthorized = () => problem(401, 'unauthorized', 'Unable to authenticate you.')
/** What a token without the scope of the operation gets. */
export const forbidden = (message = 'You do not have access for the attempted action.') =>
  problem(403, 'forbidden', message)
export const badRequest = (message = 'error parsing request body') => problem(400, 'bad_request', message)
export const conflict = (message: string) => problem(409, 'conflict', message)
export const unprocessable = (message: string) => problem(422, 'unprocessable_entity', message)
/** Without `retry-after`, unless it is among the headers. */
export const tooManyRequests = (message = 'API rate limit exceeded.', headers: Record<string, string> = {}) =>
  problem(429, 'too_many_requests', message, headers)
export const noSuchActionType = () => problem(404, 'not_found', 'The specified action type is not available.')
export const serverError = () => problem(500, 'server_error', 'Unexpected server-side error')

export function found<T>(thing: T | undefined): T {
  return thing ?? refuse(notFound())
}
