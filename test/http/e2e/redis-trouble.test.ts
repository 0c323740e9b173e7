import { expect, test } from 'vitest'
import { problem } from '../../support/confirm.ts'
import type { HttpClient } from '../../support/http.ts'
import { describeWithRedis } from '../../support/redis.ts'
import { replicas } from './replicas.ts'
import { httpWorld } from './world.ts'

const world = httpWorld()

/** What destroys is refused and has changed nothing; what only looks goes on. */
async function expectSafe(
  { unchanged }: Awaited<ReturnType<typeof replicas>>,
  clients: readonly HttpClient[],
  { id, confirmation }: { id: string; confirmation: string },
) {
  for (const client of clients) {
    for (const [tool, args] of [
      ['snapshot_restore', { snapshot: id, confirmation }],
      ['snapshot_restore', { snapshot: id }],
      ['snapshot_delete', { snapshots: [id] }],
    ] as const) {
      const refused = await unchanged(client, tool, args)
      expect(refused).toMatchObject({ code: 'PROVIDER_UNAVAILABLE', outcome: 'not_started' })
      expect(refused.message).toMatch(/nothing was (?:changed|done|decided)/i)
    }
    expect((await client.call('snapshot_list')).items.map((each) => each.id)).toContain(id)
    expect((await client.call('snapshot_get', { snapshot: id })).snapshot.state).toBe('ready')
    expect((await client.call('snapshot_diff', { from: id })).changes).toHaveLength(1)
  }
}

describeWithRedis('while Redis', () => {
  test.each(['is gone', 'hangs'])(
    '%s nothing is destroyed, reads go on, and then all goes on',
    async (how) => {
      const place = await replicas(world)
      const { redis, atBoth, spoilt, servers } = place
      const clients = await atBoth()
      const { id, isGood } = await spoilt(clients[0])
      const { confirmation } = await clients[0].call('snapshot_restore', { snapshot: id })
      await clients[1].call('snapshot_list')

      if (how === 'hangs') redis.pause()
      else await redis.stop()
      await expectSafe(place, clients, { id, confirmation: confirmation! })
      for (const { origin } of servers) {
        expect((await fetch(`${origin}/healthz`)).status).toBe(200)
        await expect.poll(async () => (await fetch(`${origin}/readyz`)).status, { timeout: 10_000 }).toBe(503)
      }

      if (how === 'hangs') redis.resume()
      else await redis.start()
      for (const { origin } of servers)
        await expect.poll(async () => (await fetch(`${origin}/readyz`)).status, { timeout: 20_000 }).toBe(200)
      // The plan was kept: it is as good as before.
      const restored = await clients[1].call('snapshot_restore', { snapshot: id, confirmation })
      expect(restored.status).toBe('done')
      expect(isGood()).toBe(true)
      expect((await problem(clients[0], 'snapshot_restore', { snapshot: id, confirmation })).code).toBe(
        'PLAN_CONSUMED',
      )
      for (const { process } of servers) expect(process.stderr.join('\n')).not.toContain('defect')
    },
    90_000,
  )
})
