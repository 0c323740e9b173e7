import { STATUS_CODES } from 'node:http'
import type { Answer, Exchange, Handler } from '../http.ts'

/** The one error shape of the API. The path comes back with its query. */
export function problem(
  { path, query }: Exchange,
  now: number,
  status: number,
  message: string,
  headers: Record<string, string> = {},
): Answer {
  const body = {
    path: query.size > 0 ? `${path}?${query}` : path,
    timestamp: new Date(now).toISOString(),
    statusCode: status,
    error: STATUS_CODES[status],
    message,
  }
  return { status, body, headers }
}

/** What cannot be parsed is refused before it reaches the rest of the server, and looks different. */
export const badJson = (): Answer => ({
  status: 400,
  body: { message: 'Invalid JSON in request body', error: 'Bad Request', statusCode: 400 },
})

/** Thrown by a handler to end the exchange. */
class Refusal extends Error {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

export function refuse(status: 400 | 401 | 403 | 404 | 409 | 422, message: string): never {
  throw new Refusal(status, message)
}

export function refusing(now: () => number, handler: Handler): Handler {
  return async (exchange) => {
    try {
      return await handler(exchange)
    } catch (error) {
      if (error instanceof Refusal) return problem(exchange, now(), error.status, error.message)
      throw error
    }
  }
}
