import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { confirmed, plan, problem } from '../../support/confirm.ts'
import { HTTP_CLIENTS, type HttpClientKind, type HttpServer } from '../../support/http.ts'
import { differences, picture } from '../../support/oracle.ts'
import { damage, makeWorkspace } from '../../support/workspace.ts'
import { ask, initialize } from './wire.ts'
import { httpWorld } from './world.ts'

const world = httpWorld()

describe.each(['sessions', 'stateless'] as const)('a server that serves old clients by %s', (legacy) => {
  const root = world.directory(legacy)
  let server: HttpServer
  beforeAll(async () => {
    server = await world.serve({
      roots: [root],
      home: join(world.dir, `home-${legacy}`),
      args: ['--legacy', legacy],
    })
  })

  test.each(HTTP_CLIENTS)(
    'does the main job for the %s client: save, break, look, restore, undo, delete',
    async (kind) => {
      const client = await world.open(kind, server.url)
      const place = join(root, kind.replace(' ', '-'))
      makeWorkspace(place)
      const source = `path:${root}`
      const good = picture(root)

      const { snapshot, receipt } = await client.call('snapshot_create', { source, name: 'good' })
      expect(receipt).toMatchObject({ skipped: [], changed_during_read: [] })
      damage(place)
      const broken = picture(root)
      const diff = await client.call('snapshot_diff', { from: snapshot.id, limit: 1000 })
      expect(diff.changes).toHaveLength(14)

      const confirmation = await plan(client, 'snapshot_restore', { snapshot: snapshot.id })
      expect(differences(broken, picture(root))).toEqual([])
      const restored = await client.call('snapshot_restore', { snapshot: snapshot.id, confirmation })
      expect(restored).toMatchObject({ status: 'done', mode: 'in_place' })
      expect(differences(good, picture(root))).toEqual([])
      const again = await problem(client, 'snapshot_restore', { snapshot: snapshot.id, confirmation })
      expect(again).toMatchObject({ code: 'PLAN_CONSUMED', operation: restored.operation })

      const undone = await client.call('snapshot_undo', { operation: restored.undo!.operation })
      expect(undone).toMatchObject({ status: 'done', undid: restored.operation })
      expect(differences(broken, picture(root))).toEqual([])

      const deleted = await confirmed(client, 'snapshot_delete', { snapshots: [snapshot.id] })
      expect(deleted.deleted).toEqual([snapshot.id])
      const { items } = await client.call('snapshot_list')
      expect(items.map(({ id }) => id)).not.toContain(snapshot.id)
    },
  )

  test('shows a snapshot as a resource, and completes its id', async () => {
    const way = await initialize({ url: server.url, era: 'legacy' })
    for (const each of [way, { url: server.url, era: 'modern' as const }]) {
      const { answer: made } = await ask(each, 'tools/call', { name: 'snapshot_create', arguments: {} })
      const id = made?.result.structuredContent.snapshot.id as string
      const uri = `snapshot://${id.replace(':', '/')}`
      const { answer: listed } = await ask(each, 'resources/list')
      expect(listed?.result.resources).toContainEqual(expect.objectContaining({ uri }))
      const { answer: read } = await ask(each, 'resources/read', { uri })
      expect(JSON.parse(read?.result.contents[0].text)).toMatchObject({ id })
      const ref = { type: 'ref/prompt', name: 'roll-back' }
      const argument = { name: 'snapshot', value: id.slice(0, -3) }
      const { answer: completed } = await ask(each, 'completion/complete', { ref, argument })
      expect(completed?.result.completion.values).toContain(id)
    }
  })
})

describe('a server that takes no old clients', () => {
  let server: HttpServer
  beforeAll(async () => {
    server = await world.serve({ roots: [world.directory()], args: ['--legacy', 'reject'] })
  })

  test('serves new ones', async () => {
    const client = await world.open('SDK v2', server.url)
    expect((await client.call('snapshot_list')).items).toEqual([])
  })

  test('tells old ones which revision it speaks', async () => {
    const params = {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'old', version: '1' },
    }
    const { status, answer } = await ask({ url: server.url, era: 'legacy' }, 'initialize', params)
    expect(status).toBe(400)
    expect(answer?.error).toMatchObject({ code: -32_022, data: { supported: ['2026-07-28'] } })
    const kind: HttpClientKind = 'SDK v1'
    await expect(world.open(kind, server.url)).rejects.toThrow('2026-07-28')
  })
})
