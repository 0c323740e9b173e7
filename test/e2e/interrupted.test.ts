import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildSync } from 'esbuild'
import { expect, test } from 'vitest'
import { connect, type TestClient } from '../support/clients.ts'
import { confirmed, plan, problem } from '../support/confirm.ts'
import { differences, type Picture, picture } from '../support/oracle.ts'
import { type Sandbox, sandbox } from '../support/sandbox.ts'
import { PROJECT } from '../support/server.ts'
import { damage, makeWorkspace } from '../support/workspace.ts'

interface Killed {
  box: Sandbox
  /** Of a server that was there before and lives on. */
  bystander: TestClient
  /** The call that the server was killed at. */
  call: { snapshot: string; confirmation: string }
  good: Picture
  bad: Picture
}

/** A server is killed while it restores: see die-at.ts for when. */
async function killed(when: string): Promise<Killed> {
  const box = sandbox()
  makeWorkspace(box.root)
  const good = picture(box.root)
  const bystander = await box.open()
  const { snapshot } = await bystander.call('snapshot_create')
  damage(box.root)
  const bad = picture(box.root)

  const preload = join(box.dir, 'dying-server.mjs')
  const source = join(PROJECT, 'test/support/dying-server.ts')
  buildSync({ entryPoints: [source], outfile: preload, bundle: true, platform: 'node', format: 'esm' })
  const server = box.server({ env: { NODE_OPTIONS: `--import ${preload}`, DIE_AT: when } })
  const client = await connect('SDK v2', server)
  const call = {
    snapshot: snapshot.id,
    confirmation: await plan(client, 'snapshot_restore', { snapshot: snapshot.id }),
  }
  client.call('snapshot_restore', call).catch(() => {})
  expect((await server.exit).signal).toBe('SIGKILL')
  return { box, bystander, call, good, bad }
}

async function lastOperation(client: TestClient) {
  const { operations, undoable } = await client.call('snapshot_status')
  const [last] = operations.filter(({ type }) => type === 'restore')
  return { ...last!, undoable: undoable.some(({ operation }) => operation === last?.operation) }
}

const journals = ({ home }: Sandbox) => readdirSync(join(home, 'store/journal'))

test('a restore that had begun to change the source is finished at the next start, and can be undone', async () => {
  const { box, call, good, bad } = await killed('committing+9')
  expect(differences(good, picture(box.root))).not.toEqual([])
  const client = await box.open()
  const last = await lastOperation(client)
  expect(last).toMatchObject({ state: 'done', undoable: true })
  expect(differences(good, picture(box.root))).toEqual([])
  expect(journals(box)).toEqual([])

  const repeat = await problem(client, 'snapshot_restore', call)
  expect(repeat).toMatchObject({
    code: 'PLAN_CONSUMED',
    operation: last.operation,
    details: { outcome: 'done' },
  })
  // Nothing was changed since, so nobody has to agree.
  expect(await client.call('snapshot_undo', { operation: last.operation })).toMatchObject({ status: 'done' })
  expect(differences(bad, picture(box.root))).toEqual([])
})

test('a restore that had not is rolled back, and has changed nothing', async () => {
  const { box, call, good, bad } = await killed('staging+12')
  expect(differences(bad, picture(box.root))).not.toEqual([])
  const client = await box.open('SDK v1')
  const last = await lastOperation(client)
  expect(last).toMatchObject({ state: 'failed', undoable: false })
  expect(differences(bad, picture(box.root))).toEqual([])
  expect(journals(box)).toEqual([])

  const repeat = await problem(client, 'snapshot_restore', call)
  expect(repeat).toMatchObject({ code: 'PLAN_CONSUMED', details: { outcome: 'failed' } })
  expect((await problem(client, 'snapshot_undo', { operation: last.operation })).code).toBe('CONFLICT')
  await confirmed(client, 'snapshot_restore', { snapshot: call.snapshot })
  expect(differences(good, picture(box.root))).toEqual([])
})

test('where somebody has been at work since, the restore stays half done until they undo it', async () => {
  const { box, call, bad } = await killed('committing+9')
  writeFileSync(join(box.root, 'README.md'), 'written after the crash')
  const half = picture(box.root)
  const client = await box.open()
  const last = await lastOperation(client)
  expect(last).toMatchObject({ state: 'unknown', undoable: true })
  expect(journals(box)).toEqual([])
  const isTemporary = (path: string) => path.includes('.snapshot-mcp-')
  const isDirectory = (path: string) => half.get(path)?.type === 'directory'
  const now = picture(box.root)
  expect([...now.keys()].filter(isTemporary)).toEqual([])
  expect(differences(half, now, { except: (path) => isTemporary(path) || isDirectory(path) })).toEqual([])

  expect((await problem(client, 'snapshot_restore', call)).code).toBe('PLAN_CONSUMED')
  await confirmed(client, 'snapshot_undo', { operation: last.operation })
  expect(differences(bad, picture(box.root))).toEqual([])
})

test('a server that was there before takes it up as well', async () => {
  const { box, bystander, good } = await killed('committing+9')
  expect(await lastOperation(bystander)).toMatchObject({ state: 'done', undoable: true })
  expect(differences(good, picture(box.root))).toEqual([])
})

test('of two servers that start at once one takes it up, and both go on with the result', async () => {
  const { box, good } = await killed('committing+9')
  const servers = [1, 2].map(() => box.server({ args: ['--log-level', 'info'] }))
  const clients = await Promise.all(servers.map((server) => connect('SDK v2', server)))
  const saved = await Promise.all(clients.map((client) => client.call('snapshot_create')))
  expect(differences(good, picture(box.root))).toEqual([])
  for (const { snapshot } of saved) {
    const { changes } = await clients[0]!.call('snapshot_diff', { from: snapshot.id })
    expect(changes).toEqual([])
  }
  const told = servers
    .flatMap(({ stderr }) => stderr)
    .filter((line) => line.includes('took up an interrupted'))
  expect(told).toHaveLength(1)
})
