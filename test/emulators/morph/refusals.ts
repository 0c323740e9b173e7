import type { Answer } from '../http.ts'

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
