import type { Answer, Handler } from '../http.ts'

/** One thing that is wrong with a request, as FastAPI tells it. */
export interface Issue {
  loc: (string | number)[]
  msg: string
  type: string
}

/** Most errors: a text. */
export const problem = (status: number, detail: string): Answer => ({ status, body: { detail } })
/** What does not fit the description: a list. */
export const invalid = (...issues: Issue[]): Answer => ({ status: 422, body: { detail: issues } })

/** Thrown by a handler to end the exchange. */
class Refusal extends Error {
  readonly answer: Answer
  constructor(answer: Answer) {
    super(JSON.stringify(answer.body))
    this.answer = answer
  }
}

export function refuse(answer: Answer): never {
  throw new Refusal(answer)
}

export function refusing(handler: Handler): Handler {
  return async (exchange) => {
    try {
      return await handler(exchange)
    } catch (error) {
      if (error instanceof Refusal) return error.answer
      throw error
    }
  }
}
