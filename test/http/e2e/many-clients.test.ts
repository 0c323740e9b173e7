import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import { content } from '../../support/trees.ts'
import { callTool, initialize, type Way } from './wire.ts'
import { httpWorld } from './world.ts'

const world = httpWorld()
const CLIENTS = 50
const root = world.directory('root')
let sessions: string
let stateless: string
beforeAll(async () => {
  // Enough to read for progress to be told on the way.
  for (let n = 0; n < 20; n++) writeFileSync(join(root, `bulk-${n}`), content(1_000_000, n))
  const args = ['--max-concurrency', '200', '--rate-limit', '100000']
  const [one, other] = await Promise.all([
    world.serve({ roots: [root], args }),
    world.serve({ roots: [root], home: join(world.dir, 'other'), args: [...args, '--legacy', 'stateless'] }),
  ])
  sessions = one.url
  stateless = other.url
})

/** Ways of all kinds, in turn. Those of old clients begin first. */
const mixed = (count: number): Promise<Way[]> =>
  Promise.all(
    Array.from({ length: count }, async (_, n): Promise<Way> => {
      if (n % 3 === 0) return { url: n % 2 ? sessions : stateless, era: 'modern' }
      return initialize({ url: n % 3 === 1 ? sessions : stateless, era: 'legacy' })
    }),
  )

/** Calls until it is its turn: not all of them may change something at once. */
async function patiently(call: () => ReturnType<typeof callTool>) {
  for (;;) {
    const { reply } = await call()
    if (reply.code !== 'RATE_LIMITED') return reply
    await sleep(reply.retry_after_ms)
  }
}

describe('fifty clients that all call their request 1', () => {
  test('are each told of what they asked for, and of nothing else (V7)', async () => {
    const ways = await mixed(CLIENTS)
    const answers = await Promise.all(
      ways.map((way, n) => callTool(way, 'snapshot_get', { snapshot: `local:unknown-${n}-` })),
    )
    for (const [n, { answer, messages }] of answers.entries()) {
      expect(messages).toHaveLength(1)
      expect(answer?.id).toBe(1)
      const named = JSON.stringify(answer).match(/unknown-\d+-/g)
      expect(new Set(named)).toEqual(new Set([`unknown-${n}-`]))
    }
  })

  test('are each given the snapshot that they made', async () => {
    const ways = await mixed(CLIENTS)
    const made = await Promise.all(
      ways.map((way, n) =>
        patiently(() => callTool(way, 'snapshot_create', { name: `number ${n}`, labels: { n: String(n) } })),
      ),
    )
    const ids = made.map((reply) => reply.snapshot.id as string)
    expect(new Set(ids).size).toBe(CLIENTS)
    const seen = await Promise.all(ways.map((way, n) => callTool(way, 'snapshot_get', { snapshot: ids[n] })))
    for (const [n, { reply }] of seen.entries())
      expect(reply.snapshot).toMatchObject({ id: ids[n], name: `number ${n}`, labels: { n: String(n) } })
  })

  test('hear of the progress of their own call, under the token that they gave it', async () => {
    const ways = await mixed(12)
    const calls = await Promise.all(
      ways.map(async (way, n) => {
        // Each restores somewhere else, all of it, so that all of them have to write.
        const { reply } = await callTool(way, 'snapshot_list', { limit: 1 })
        const args = { snapshot: reply.items[0].id, mode: 'new', to: join(root, `copy-${n}`) }
        return callTool(way, 'snapshot_restore', args, { progressToken: `token of ${n}` })
      }),
    )
    for (const [n, { messages, reply }] of calls.entries()) {
      const progress = messages.filter(({ method }) => method === 'notifications/progress')
      const tokens = progress.map(({ params }) => params?.progressToken)
      expect(reply).toMatchObject({ status: 'done', targets: [{ id: join(root, `copy-${n}`) }] })
      expect(tokens.length).toBeGreaterThan(0)
      expect(new Set(tokens)).toEqual(new Set([`token of ${n}`]))
    }
  })
})
