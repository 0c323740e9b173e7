import { expect, onTestFinished } from 'vitest'
import { createDaytona, type Daytona, type DaytonaOptions } from '../daytona.ts'

/** A JSON body as tests like to read it. */
// biome-ignore lint/suspicious/noExplicitAny: what came over the wire has no type yet; the assertions are about that.
export type Json = any

export interface Reply {
  status: number
  headers: Headers
  body: Json
}

export interface Served extends Daytona {
  /** Milliseconds since the epoch; stands still unless a test moves it. */
  clock: { now: number }
  get(path: string): Promise<Reply>
  post(path: string, body?: unknown): Promise<Reply>
  put(path: string, body: unknown): Promise<Reply>
  del(path: string): Promise<Reply>
  /** The body of every look at a path, until it has this state. */
  until(path: string, state: string): Promise<Json[]>
}

export const MINUTE = 60_000
export const DAY = 24 * 60 * MINUTE

/** An emulator with a clock that stands still, for the running test. */
export async function serve(options: DaytonaOptions = {}): Promise<Served> {
  const clock = { now: Date.parse('2026-11-21T10:00:00Z') }
  const daytona = await createDaytona({ now: () => clock.now, ...options })
  onTestFinished(() => daytona.close())
  const call = async (method: string, path: string, body?: unknown): Promise<Reply> => {
    const reply = await fetch(`${daytona.apiUrl}${path}`, {
      method,
      headers: { authorization: `Bearer ${daytona.key}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await reply.text()
    return { status: reply.status, headers: reply.headers, body: text === '' ? undefined : JSON.parse(text) }
  }
  return {
    ...daytona,
    clock,
    get: (path) => call('GET', path),
    post: (path, body) => call('POST', path, body),
    put: (path, body) => call('PUT', path, body),
    del: (path) => call('DELETE', path),
    async until(path, state) {
      const seen: Json[] = []
      for (let looks = 0; looks < 20; looks++) {
        seen.push((await call('GET', path)).body)
        if (seen.at(-1).state === state) return seen
      }
      throw new Error(`${path} does not become ${state}: ${JSON.stringify(seen.at(-1))}`)
    },
  }
}

/** The states that one look after the other shows, each once. */
export const course = (seen: Json[]): string[] => [...new Set<string>(seen.map(({ state }) => state))]

const refusal = (status: number) => (message: unknown) => ({ status, body: { statusCode: status, message } })
export const badRequest = refusal(400)
export const forbidden = refusal(403)
export const notFound = refusal(404)
export const conflict = refusal(409)
export const unprocessable = refusal(422)

export const anyText = expect.any(String)
