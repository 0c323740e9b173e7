import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { CLIENTS, connect, type TestClient, ToolFailure } from '../support/clients.ts'
import { confirmed, plan } from '../support/confirm.ts'
import { differences, picture } from '../support/oracle.ts'
import { sandbox } from '../support/sandbox.ts'
import { damage, makeBulk, makeWorkspace } from '../support/workspace.ts'

/** Calls and resolves on the first sign of progress, with the call still running. */
async function underway(client: TestClient, tool: 'snapshot_create' | 'snapshot_restore', args: object) {
  const abort = new AbortController()
  let result: Promise<unknown> | undefined
  await new Promise<void>((resolve, reject) => {
    const onprogress = ({ progress }: { progress: number }) => {
      if (progress > 0) resolve()
    }
    result = client.call(tool, args, { onprogress, signal: abort.signal })
    result.then(
      () => reject(new Error(`${tool} was done before it could be interrupted`)),
      () => {},
    )
  })
  const outcome = result!.then(
    () => 'done',
    () => 'interrupted',
  )
  return { abort, outcome }
}

test.each(CLIENTS)('progress rises strictly and ends with the call, %s', async (kind) => {
  const box = sandbox()
  makeBulk(box.root)
  const client = await box.open(kind)
  const seen: number[] = []
  await client.call('snapshot_create', {}, { onprogress: ({ progress }) => seen.push(progress) })
  const after = seen.length
  expect(after).toBeGreaterThan(0)
  expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b))
  await client.call('snapshot_list')
  expect(seen).toHaveLength(after)
})

test.each(CLIENTS)('a create cancelled half way leaves no trace, %s', async (kind) => {
  const box = sandbox()
  makeBulk(box.root)
  const client = await box.open(kind)
  const { abort, outcome } = await underway(client, 'snapshot_create', { name: 'cancelled' })
  abort.abort()
  expect(await outcome).toBe('interrupted')

  expect((await client.call('snapshot_list')).items).toEqual([])
  const { snapshot } = await client.call('snapshot_create', { name: 'whole' })
  expect((await client.call('snapshot_list')).items.map(({ name }) => name)).toEqual(['whole'])
  const good = picture(box.root)
  await client.call('snapshot_restore', { snapshot: snapshot.id, mode: 'new', to: join(box.root, 'copy') })
  expect(differences(good, picture(join(box.root, 'copy')))).toEqual([])
})

test('a server killed while it captures loses nothing that was saved before', async () => {
  const box = sandbox()
  makeWorkspace(box.root)
  const good = picture(box.root)
  const saved = (await (await box.open()).call('snapshot_create')).snapshot.id
  makeBulk(box.root)
  const process = box.server()
  const { outcome } = await underway(await connect('SDK v1', process), 'snapshot_create', {})
  await process.kill()
  expect(await outcome).toBe('interrupted')

  const client = await box.open()
  expect((await client.call('snapshot_list')).items.map(({ id }) => id)).toEqual([saved])
  await confirmed(client, 'snapshot_restore', { snapshot: saved })
  expect(differences(good, picture(box.root))).toEqual([])
})

test('a server killed while it restores can be followed by another that finishes, and what was there can come back', async () => {
  const box = sandbox()
  makeBulk(box.root)
  const good = picture(box.root)
  const first = await box.open()
  const saved = (await first.call('snapshot_create')).snapshot.id
  for (let n = 0; n < 100; n++) rmSync(join(box.root, `bulk-${n}.bin`))
  writeFileSync(join(box.root, 'only-here.txt'), 'not in the snapshot')
  const broken = picture(box.root)

  const process = box.server()
  const victim = await connect('SDK v1', process)
  const confirmation = await plan(victim, 'snapshot_restore', { snapshot: saved })
  const { outcome } = await underway(victim, 'snapshot_restore', { snapshot: saved, confirmation })
  await process.kill()
  expect(await outcome).toBe('interrupted')

  const client = await box.open()
  const safety = (await client.call('snapshot_list', { include_auto: true })).items.find(({ auto }) => auto)
  await confirmed(client, 'snapshot_restore', { snapshot: saved })
  expect(differences(good, picture(box.root))).toEqual([])
  // Killed before the safety snapshot was durable: then nothing had been touched yet, and nothing is to be undone.
  if (safety) {
    await confirmed(client, 'snapshot_restore', { snapshot: safety.id })
    expect(differences(broken, picture(box.root))).toEqual([])
  }
})

test('two servers share a store: parallel creates all count', async () => {
  const box = sandbox()
  makeWorkspace(box.root)
  const clients = await Promise.all([box.open('SDK v2'), box.open('SDK v1')])
  const names = Array.from({ length: 10 }, (_, n) => `parallel ${n}`)
  await Promise.all(names.map((name, n) => clients[n % 2]!.call('snapshot_create', { name })))
  for (const client of clients) {
    const { items } = await client.call('snapshot_list', { limit: 100 })
    expect(items.map(({ name }) => name).sort()).toEqual(names)
  }
})

test('a plan made on one server is confirmed on the other, whichever of them has restored before', async () => {
  const box = sandbox()
  makeWorkspace(box.root)
  const good = picture(box.root)
  const [a, b] = await Promise.all([box.open(), box.open()])
  const { snapshot } = await a.call('snapshot_create')
  for (const [planner, executor] of [
    [a, b],
    [a, b],
    [b, a],
  ] as const) {
    writeFileSync(join(box.root, 'src/index.js'), 'broken')
    const confirmation = await plan(planner, 'snapshot_restore', { snapshot: snapshot.id })
    await executor.call('snapshot_restore', { snapshot: snapshot.id, confirmation })
    expect(differences(good, picture(box.root))).toEqual([])
  }
})

test('of two servers that confirm the same plan at once exactly one runs it', async () => {
  const box = sandbox()
  makeWorkspace(box.root)
  const good = picture(box.root)
  const clients = await Promise.all([box.open(), box.open()])
  const { snapshot } = await clients[0].call('snapshot_create')
  damage(box.root)
  const confirmation = await plan(clients[0], 'snapshot_restore', { snapshot: snapshot.id })
  const both = await Promise.allSettled(
    clients.map((client) => client.call('snapshot_restore', { snapshot: snapshot.id, confirmation })),
  )
  const refused = both.filter((result) => result.status === 'rejected').map(({ reason }) => reason)
  expect(refused).toEqual([expect.any(ToolFailure)])
  expect(['PLAN_CONSUMED', 'PLAN_STALE', 'BUSY']).toContain(refused[0].problem.code)
  expect(differences(good, picture(box.root))).toEqual([])
})
