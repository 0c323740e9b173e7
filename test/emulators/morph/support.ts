import { onTestFinished } from 'vitest'
import { createMorph, type Morph, type MorphOptions } from '../morph.ts'

/** A JSON body as tests like to read it. */
// biome-ignore lint/suspicious/noExplicitAny: what came over the wire has no type yet; the assertions are about that.
export type Json = any

export interface Reply {
  status: number
  body: Json
}

export interface World extends Morph {
  /** Milliseconds since the epoch; stands still unless a test moves it. */
  clock: { now: number }
  get(path: string): Promise<Reply>
  post(path: string, body?: unknown): Promise<Reply>
  del(path: string): Promise<Reply>
  /** Makes a snapshot of the running instance and returns it. */
  capture(body?: object): Promise<Json>
  /** Looks at a path until its status is no more this one; returns how often it was, and what came then. */
  passes(status: string, path: string): Promise<[looks: number, Json]>
}

/** An emulator with a clock that stands still, for the running test. */
export async function world(options: MorphOptions = {}): Promise<World> {
  const clock = { now: Date.parse('2026-11-21T10:00:00Z') }
  const server = await createMorph({ now: () => clock.now, ...options })
  onTestFinished(() => server.close())

  const call = async (method: string, path: string, body?: unknown): Promise<Reply> => {
    const reply = await fetch(`${server.url}/api${path}`, {
      method,
      headers: { authorization: `Bearer ${server.key}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await reply.text()
    return { status: reply.status, body: text === '' ? undefined : JSON.parse(text) }
  }
  return {
    ...server,
    clock,
    get: (path) => call('GET', path),
    post: (path, body) => call('POST', path, body),
    del: (path) => call('DELETE', path),
    capture: async (body = {}) => (await call('POST', `/instance/${server.instance.id}/snapshot`, body)).body,
    async passes(status, path) {
      for (let looks = 0; looks < 20; looks++) {
        const { body } = await call('GET', path)
        if (body.status !== status) return [looks, body]
      }
      throw new Error(`${path} stays ${status}`)
    },
  }
}
