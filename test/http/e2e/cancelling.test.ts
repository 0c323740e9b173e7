import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import type { HttpClient, HttpClientKind, HttpServer } from '../../support/http.ts'
import { makeBulk } from '../../support/workspace.ts'
import { callTool, initialize, messagesOf, send, type Way } from './wire.ts'
import { httpWorld, idle } from './world.ts'

const world = httpWorld()
const root = world.directory('root')
const ERAS: [string, HttpClientKind, string][] = [
  ['a client of 2026-07-28', 'SDK v2', 'reject'],
  ['an old client with a session', 'SDK v1', 'sessions'],
  ['an old client without one', 'SDK v1', 'stateless'],
]
// Each with a store of its own: what one has captured the next one would only have to look at.
const servers = new Map<string, HttpServer>()
beforeAll(async () => {
  makeBulk(root)
  const started = ERAS.map(async ([, , legacy]) => {
    const home = world.directory(legacy)
    servers.set(legacy, await world.serve({ roots: [root], home, args: ['--legacy', legacy] }))
  })
  await Promise.all(started)
})

/** A create that is on its way, and the progress it has told of. */
async function underway(client: HttpClient) {
  const abort = new AbortController()
  const seen: number[] = []
  let outcome: Promise<unknown> | undefined
  await new Promise<void>((resolve, reject) => {
    const onprogress = ({ progress }: { progress: number }) => {
      seen.push(progress)
      if (progress > 0) resolve()
    }
    outcome = client.call('snapshot_create', {}, { onprogress, signal: abort.signal })
    outcome.then(() => reject(new Error('done before it could be cancelled')), reject)
  })
  return { abort, seen, outcome: outcome! }
}

describe.each(ERAS)('%s', (_, kind, legacy) => {
  test('that takes its create back ends the work: nothing is left of it', async () => {
    const { origin, url } = servers.get(legacy)!
    const client = await world.open(kind, url)
    const { abort, outcome } = await underway(client)
    abort.abort()
    await expect(outcome).rejects.toThrow()
    await idle(origin)
    expect((await client.call('snapshot_list')).items).toEqual([])
  })

  test('hears of progress, which rises strictly and ends with the call', async () => {
    const client = await world.open(kind, servers.get(legacy)!.url)
    const { seen, outcome } = await underway(client)
    await outcome
    expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b))
    const after = seen.length
    await client.call('snapshot_list')
    expect(seen).toHaveLength(after)
  })
})

test('the answer of a call that an old client takes back ends, whether the client hangs up or not', async () => {
  const way = await initialize({ url: servers.get('sessions')!.url, era: 'legacy' })
  const running = await send(way, 'tools/call', {
    name: 'snapshot_create',
    arguments: {},
    _meta: { progressToken: 1 },
  })
  const reader = running.body!.getReader()
  await reader.read()
  await (await send(way, 'notifications/cancelled', { requestId: 1 })).text()
  while (!(await reader.read()).done);
  await idle(servers.get('sessions')!.origin)
})

test.each(['sessions', 'stateless'])(
  'a call goes on when others take back theirs of the same number, %s',
  async (legacy) => {
    const way: Way = { url: servers.get(legacy)!.url, era: 'legacy' }
    const [one, other] = await Promise.all([initialize(way), initialize(way)])
    const { reply } = await callTool(one, 'snapshot_list')
    const to = join(root, `copy-${legacy}`)
    const args = { snapshot: reply.items[0].id, mode: 'new', to }
    const running = await send(one, 'tools/call', {
      name: 'snapshot_restore',
      arguments: args,
      _meta: { progressToken: 1 },
    })
    for (const each of [other, { ...way, era: 'modern' as const }, way])
      await (await send(each, 'notifications/cancelled', { requestId: 1 })).text()
    const answer = (await messagesOf(running)).at(-1)
    expect(answer?.result.structuredContent).toMatchObject({ status: 'done', targets: [{ id: to }] })
  },
)
