import { expect, onTestFinished } from 'vitest'
import { createDigitalOcean, type DigitalOcean, type DigitalOceanOptions } from '../digitalocean.ts'

/** A JSON body as tests like to read it. */
// biome-ignore lint/suspicious/noExplicitAny: what came over the wire has no type yet; the assertions are about that.
export type Json = any

export interface Reply {
  status: number
  headers: Headers
  body: Json
}

export interface World extends DigitalOcean {
  /** Milliseconds since the epoch; stands still unless a test moves it. */
  clock: { now: number }
  get(path: string): Promise<Reply>
  post(path: string, body: unknown): Promise<Reply>
  put(path: string, body: unknown): Promise<Reply>
  del(path: string, body?: unknown): Promise<Reply>
  /** Starts an action on the first Droplet and polls until it is over. */
  act(body: Json, droplet?: number): Promise<Json>
  /** Polls `/v2/actions/{id}` until it is over. */
  finished(action: Json): Promise<Json>
}

/** An emulator with a clock that stands still, for the running test. */
export async function world(options: DigitalOceanOptions = {}): Promise<World> {
  const clock = { now: Date.parse('2026-11-21T10:00:00Z') }
  const server = await createDigitalOcean({ now: () => clock.now, ...options })
  onTestFinished(() => server.close())

  const call = async (method: string, path: string, body?: unknown): Promise<Reply> => {
    const reply = await fetch(`${server.url}/v2${path}`, {
      method,
      headers: { authorization: `Bearer ${server.token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await reply.text()
    return {
      status: reply.status,
      headers: reply.headers,
      body: text === '' ? undefined : JSON.parse(text),
    }
  }
  const finished = async ({ id }: Json): Promise<Json> => {
    for (let polls = 0; polls < 20; polls++) {
      const { body } = await call('GET', `/actions/${id}`)
      if (body.action.status !== 'in-progress') return body.action
    }
    throw new Error('The action does not come to an end.')
  }
  return {
    ...server,
    clock,
    finished,
    get: (path) => call('GET', path),
    post: (path, body) => call('POST', path, body),
    put: (path, body) => call('PUT', path, body),
    del: (path, body) => call('DELETE', path, body),
    async act(body, droplet = server.droplet.id) {
      const started = await call('POST', `/droplets/${droplet}/actions`, body)
      expect(started).toMatchObject({ status: 201, body: { action: { status: 'in-progress' } } })
      return finished(started.body.action)
    },
  }
}

/** Takes a snapshot of the first Droplet and returns it as its list shows it. */
export async function snapshotOf(cloud: World, name: string): Promise<Json> {
  await cloud.act({ type: 'snapshot', name })
  const { body } = await cloud.get(`/droplets/${cloud.droplet.id}/snapshots?per_page=200`)
  return body.snapshots.find((one: Json) => one.name === name)
}

export const unprocessable = (message: unknown = expect.any(String)) => ({
  status: 422,
  body: { id: 'unprocessable_entity', message },
})

export const missing = {
  status: 404,
  body: { id: 'not_found', message: 'The resource you requested could not be found.' },
}
