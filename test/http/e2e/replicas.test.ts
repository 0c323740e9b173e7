import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ToolFailure } from '../../support/clients.ts'
import { confirmed, plan } from '../../support/confirm.ts'
import { HTTP_CLIENTS } from '../../support/http.ts'
import { differences, picture } from '../../support/oracle.ts'
import { describeWithRedis } from '../../support/redis.ts'
import { makeBulk } from '../../support/workspace.ts'
import { approveAt, replicas } from './replicas.ts'
import { callTool, initialize, messagesOf, send } from './wire.ts'
import { httpWorld, idle } from './world.ts'

const world = httpWorld()

describeWithRedis('two replicas with one Redis', () => {
  test('do the main job for clients of both kinds, each request at another one', async () => {
    const { through, proxy, spoilt } = await replicas(world)
    for (const kind of HTTP_CLIENTS) {
      const client = await through(kind)
      const before = [...proxy.counts]
      const { id, isGood } = await spoilt(client)
      const confirmation = await plan(client, 'snapshot_restore', { snapshot: id })
      const restored = await client.call('snapshot_restore', { snapshot: id, confirmation })
      expect(restored.status).toBe('done')
      expect(isGood()).toBe(true)
      const undone = await client.call('snapshot_undo', { operation: restored.operation! })
      expect(undone).toMatchObject({ status: 'done', undid: restored.operation })
      expect(isGood()).toBe(false)
      for (const [n, count] of proxy.counts.entries()) expect(count).toBeGreaterThan(before[n]!)
    }
  })

  test('use a confirmation once, given to both of them at the same time', async () => {
    const { atBoth, spoilt } = await replicas(world)
    const both = await atBoth()
    for (let round = 0; round < 5; round++) {
      const { id, isGood } = await spoilt(both[0])
      const confirmation = await plan(both[round % 2]!, 'snapshot_restore', { snapshot: id })
      const args = { snapshot: id, confirmation }
      const answers = await Promise.allSettled(both.map((client) => client.call('snapshot_restore', args)))
      const done = answers.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
      const refused = answers.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []))
      expect(done).toMatchObject([{ status: 'done' }])
      expect(refused).toEqual([expect.any(ToolFailure)])
      expect(['PLAN_CONSUMED', 'PLAN_STALE', 'BUSY']).toContain(refused[0].problem.code)
      expect(isGood()).toBe(true)
    }
  })

  test('make one snapshot for one key, whoever is asked, and when', async () => {
    const { atBoth } = await replicas(world)
    const both = await atBoth()
    const args = { idempotency_key: 'the same', name: 'once' }
    const atOnce = () => Promise.all(both.map((client) => client.call('snapshot_create', args)))
    await atOnce()
    const later = await atOnce()
    expect(new Set(later.map(({ snapshot }) => snapshot.id)).size).toBe(1)
    const { items } = await both[0].call('snapshot_list', { name: 'once' })
    expect(items.map(({ id }) => id)).toEqual([later[0]!.snapshot.id])
  })

  test('let a person approve at one what was asked at the other, and run it where it is repeated', async () => {
    const { atBoth, spoilt, servers, home } = await replicas(world, ['--guard', 'human'])
    const [a, b] = await atBoth()
    const { id, isGood } = await spoilt(a)
    const asked = await a.call('snapshot_restore', { snapshot: id })
    expect(asked).toMatchObject({ status: 'approval_required', approval: { code: expect.any(String) } })
    const key = readFileSync(join(home, 'approver.key'), 'utf8').trim()
    expect((await approveAt(servers[1].origin, asked.approval!.code, key)).status).toBe(303)
    const args = { snapshot: id, confirmation: asked.confirmation }
    expect((await b.call('snapshot_restore', args)).status).toBe('done')
    expect(isGood()).toBe(true)
  })

  test('tell each other what has changed', async () => {
    const { atBoth } = await replicas(world)
    const [a, b] = await atBoth()
    let heard = 0
    const inner = a.inner as import('@modelcontextprotocol/client').Client
    inner.setNotificationHandler('notifications/resources/list_changed', () => void heard++)
    await inner.listen({ resourcesListChanged: true })
    // Whoever begins to listen is known to Redis a moment later.
    const another = async () => {
      await b.call('snapshot_create')
      return heard
    }
    await expect.poll(another).toBeGreaterThan(0)
  })

  test('end a call that its client takes back at the other one', async () => {
    const { root, servers } = await replicas(world)
    makeBulk(root)
    const [one, other] = servers
    const way = await initialize({ url: one.url, era: 'legacy' })
    const args = { name: 'snapshot_create', arguments: { name: 'cancelled' }, _meta: { progressToken: 1 } }
    const running = await send(way, 'tools/call', args)
    await (await send({ ...way, url: other.url }, 'notifications/cancelled', { requestId: 1 })).text()
    const answer = (await messagesOf(running)).at(-1)
    expect(answer?.result?.structuredContent).toMatchObject({ code: 'CANCELLED' })
    await idle(one.origin)
    const { reply } = await callTool(way, 'snapshot_list', { name: 'cancelled' })
    expect(reply.items).toEqual([])
  })

  test('finish what a third one was killed with', async () => {
    const { root, atBoth, start } = await replicas(world)
    makeBulk(root)
    const [client] = await atBoth()
    const { snapshot } = await client.call('snapshot_create')
    const good = picture(root)
    for (let n = 0; n < 100; n++) rmSync(join(root, `bulk-${n}.bin`))
    const confirmation = await plan(client, 'snapshot_restore', { snapshot: snapshot.id })
    const victim = await start()
    const args = { snapshot: snapshot.id, confirmation }
    const call = { name: 'snapshot_restore', arguments: args, _meta: { progressToken: 1 } }
    const running = await send({ url: victim.url, era: 'modern' }, 'tools/call', call)
    await victim.process.kill()
    await expect(running.text()).rejects.toThrow()

    // Its lock is free some seconds after its last sign of life.
    const isFree = async () => {
      const { isError } = await client.raw('snapshot_restore', { snapshot: snapshot.id, dry_run: true })
      return !isError
    }
    await expect.poll(isFree, { timeout: 60_000, interval: 500 }).toBe(true)
    await confirmed(client, 'snapshot_restore', { snapshot: snapshot.id })
    expect(differences(good, picture(root))).toEqual([])
    const { operations } = await client.call('snapshot_status')
    expect(operations.map(({ state }) => state)).not.toContain('running')
  }, 90_000)
})
