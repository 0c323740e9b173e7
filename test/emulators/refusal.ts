import type { Answer, Handler } from './http.ts'

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

/** Answers with what the handler threw. */
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
