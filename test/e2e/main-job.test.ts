import { appendFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { CLIENTS, type TestClient } from '../support/clients.ts'
import { confirmed, plan, problem } from '../support/confirm.ts'
import { differences, picture } from '../support/oracle.ts'
import { sandbox } from '../support/sandbox.ts'
import { damage, makeWorkspace } from '../support/workspace.ts'

/** Everything a diff says, one line a change. */
async function changes(client: TestClient, from: string, to = 'current') {
  const { changes } = await client.call('snapshot_diff', { from, to, limit: 1000 })
  return changes.map(({ kind, path }) => ({ kind, path }))
}

describe.each(CLIENTS)('the main job, %s client', (kind) => {
  test('save, break, look, restore, undo: every byte is where it was', async () => {
    const box = sandbox()
    makeWorkspace(box.root)
    const client = await box.open(kind)
    const good = picture(box.root)

    const created = await client.call('snapshot_create', {
      name: 'before the refactoring',
      note: 'tests pass',
    })
    expect(created).toMatchObject({
      status: 'done',
      snapshot: { provider: 'local', state: 'ready', name: 'before the refactoring', captures: ['files'] },
      receipt: { files: 11, links: 2, skipped: [], changed_during_read: [] },
    })
    const id = created.snapshot.id
    expect(await changes(client, id)).toEqual([])

    const expected = damage(box.root)
    const broken = picture(box.root)
    expect(await changes(client, id)).toEqual(expected)

    const dryRun = await client.call('snapshot_restore', { snapshot: id, dry_run: true })
    expect(dryRun).toMatchObject({ status: 'dry_run', plan: { reversible: true } })
    expect(dryRun.confirmation).toBeUndefined()
    const confirmation = await plan(client, 'snapshot_restore', { snapshot: id })
    expect(differences(broken, picture(box.root))).toEqual([])

    const restored = await client.call('snapshot_restore', { snapshot: id, confirmation })
    expect(restored).toMatchObject({ status: 'done', mode: 'in_place', verified: { files: 11 } })
    expect(differences(good, picture(box.root))).toEqual([])
    expect(await changes(client, id)).toEqual([])
    expect(await changes(client, restored.safety_snapshot!, id)).toHaveLength(expected.length)

    const undone = await undo(client, restored.undo!.operation)
    expect(undone.undid).toBe(restored.operation)
    expect(differences(broken, picture(box.root))).toEqual([])

    await undo(client, undone.undo!.operation)
    expect(differences(good, picture(box.root))).toEqual([])
  })

  test('an undo after later work asks first, and keeps that work', async () => {
    const box = sandbox()
    makeWorkspace(box.root)
    const client = await box.open(kind)
    const { snapshot } = await client.call('snapshot_create')
    damage(box.root)
    const broken = picture(box.root)
    const restored = await confirmed(client, 'snapshot_restore', { snapshot: snapshot.id })

    writeFileSync(join(box.root, 'later.txt'), 'written after the restore')
    const later = picture(box.root)
    const operation = restored.undo!.operation
    const confirmation = await plan(client, 'snapshot_undo', { operation })
    expect(differences(later, picture(box.root))).toEqual([])

    const undone = await client.call('snapshot_undo', { operation, confirmation })
    expect(differences(broken, picture(box.root))).toEqual([])
    await undo(client, undone.undo!.operation)
    expect(differences(later, picture(box.root))).toEqual([])
  })

  test('restore to a new directory, of a few paths, and in copies', async () => {
    const box = sandbox()
    makeWorkspace(box.root)
    const client = await box.open(kind)
    const good = picture(box.root)
    const { snapshot } = await client.call('snapshot_create')

    const to = join(box.root, 'copy')
    const copy = await client.call('snapshot_restore', { snapshot: snapshot.id, mode: 'new', to })
    expect(copy).toMatchObject({ status: 'done', mode: 'new' })
    expect(differences(good, picture(to))).toEqual([])

    const three = await client.call('snapshot_restore', {
      snapshot: snapshot.id,
      mode: 'new',
      to: `${to}-n`,
      count: 3,
    })
    expect(three.targets).toHaveLength(3)
    for (const target of three.targets!) expect(differences(good, picture(target.id))).toEqual([])

    const again = await problem(client, 'snapshot_restore', { snapshot: snapshot.id, mode: 'new', to })
    expect(again.code).toBe('ALREADY_EXISTS')

    writeFileSync(join(box.root, 'src/index.js'), 'broken')
    writeFileSync(join(box.root, 'bin/run'), 'broken too')
    const before = picture(box.root)
    await confirmed(client, 'snapshot_restore', { snapshot: snapshot.id, paths: ['src/index.js'] })
    const left = differences(before, picture(box.root), { except: (path) => path === '' || path === 'src' })
    expect(left.every((line) => line.startsWith('"src/index.js"'))).toBe(true)
    // Also what differs here is no more than a restore can set: its time to the microsecond.
    expect(differences(good, picture(box.root)).filter((line) => line.startsWith('"src/index.js"'))).toEqual(
      [],
    )
  })

  test('housekeeping: list, get, update, status, sources, delete, undo, prune', async () => {
    const box = sandbox()
    makeWorkspace(box.root)
    const client = await box.open(kind)
    const ids: string[] = []
    for (const name of ['one', 'two', 'three']) {
      writeFileSync(join(box.root, 'step.txt'), name)
      ids.push((await client.call('snapshot_create', { name, labels: { step: name } })).snapshot.id)
    }

    const listed = await client.call('snapshot_list', { limit: 2 })
    expect(listed.items.map(({ name }) => name)).toEqual(['three', 'two'])
    const rest = await client.call('snapshot_list', { limit: 2, cursor: listed.next_cursor })
    expect(rest.items.map(({ name }) => name)).toEqual(['one'])
    expect(rest.next_cursor).toBeUndefined()
    const labelled = await client.call('snapshot_list', { labels: { step: 'two' } })
    expect(labelled.items.map(({ id }) => id)).toEqual([ids[1]])

    const update = { snapshot: ids[0], note: 'keep this', labels: { kept: 'yes' }, protected: true }
    await client.call('snapshot_update', update)
    const got = await client.call('snapshot_get', { snapshot: ids[0] })
    expect(got.snapshot).toMatchObject({
      name: 'one',
      note: 'keep this',
      labels: { kept: 'yes' },
      protected: true,
    })

    const sources = await client.call('snapshot_sources')
    expect(sources.items).toContainEqual(
      expect.objectContaining({ provider: 'local', kind: 'path', id: box.root }),
    )
    const status = await client.call('snapshot_status')
    expect(status.providers).toMatchObject([
      { name: 'local', healthy: true, capabilities: { deletion: 'trash' } },
    ])

    expect((await problem(client, 'snapshot_delete', { snapshots: [ids[0]] })).code).toBe('PROTECTED')
    const deleted = await confirmed(client, 'snapshot_delete', { snapshots: [ids[1]] })
    expect(deleted.deleted).toEqual([ids[1]])
    expect((await client.call('snapshot_list')).items).toHaveLength(2)
    const trashed = await client.call('snapshot_list', { include_trashed: true, state: 'trashed' })
    expect(trashed.items.map(({ id }) => id)).toEqual([ids[1]])
    await undo(client, deleted.undo!.operation)
    expect((await client.call('snapshot_list')).items).toHaveLength(3)
    expect(await changes(client, ids[1]!)).toEqual([{ kind: 'modified', path: 'step.txt' }])

    const preview = await client.call('snapshot_prune', { keep_last: 1 })
    expect(preview).toMatchObject({ status: 'dry_run', plan: { reversible: true } })
    const pruned = await confirmed(client, 'snapshot_prune', { keep_last: 1, dry_run: false })
    expect(pruned.deleted).toEqual([ids[1]])
    expect((await client.call('snapshot_list')).items.map(({ name }) => name)).toEqual(['three', 'one'])
  })

  test('a token runs once, for what it was issued, on what was seen', async () => {
    const box = sandbox()
    makeWorkspace(box.root)
    const client = await box.open(kind)
    const first = (await client.call('snapshot_create', { name: 'first' })).snapshot.id
    appendFileSync(join(box.root, 'README.md'), 'more\n')
    const second = (await client.call('snapshot_create', { name: 'second' })).snapshot.id

    const confirmation = await plan(client, 'snapshot_restore', { snapshot: first })
    const restore = { snapshot: first, confirmation }
    expect((await problem(client, 'snapshot_restore', { ...restore, snapshot: second })).code).toBe(
      'PLAN_MISMATCH',
    )
    expect((await problem(client, 'snapshot_restore', { ...restore, paths: ['README.md'] })).code).toBe(
      'PLAN_MISMATCH',
    )
    expect((await problem(client, 'snapshot_delete', { snapshots: [first], confirmation })).code).toBe(
      'PLAN_MISMATCH',
    )
    const unknown = await problem(client, 'snapshot_restore', {
      ...restore,
      confirmation: 'cfm_never-issued-0000',
    })
    expect(unknown.code).toBe('PLAN_NOT_FOUND')

    const done = await client.call('snapshot_restore', restore)
    const reused = await problem(client, 'snapshot_restore', restore)
    expect(reused).toMatchObject({ code: 'PLAN_CONSUMED', operation: done.operation })
  })

  test('a directory that changed after the plan is not restored over; the fresh plan works', async () => {
    const box = sandbox()
    makeWorkspace(box.root)
    const client = await box.open(kind)
    const good = picture(box.root)
    const { snapshot } = await client.call('snapshot_create')
    damage(box.root)
    const confirmation = await plan(client, 'snapshot_restore', { snapshot: snapshot.id })
    writeFileSync(join(box.root, 'precious.txt'), 'written after the plan was shown')
    const changed = picture(box.root)

    const stale = await problem(client, 'snapshot_restore', { snapshot: snapshot.id, confirmation })
    expect(stale).toMatchObject({ code: 'PLAN_STALE', outcome: 'not_started', retryable: true })
    expect(differences(changed, picture(box.root))).toEqual([])

    const fresh = stale.fresh as { confirmation: string }
    await client.call('snapshot_restore', { snapshot: snapshot.id, confirmation: fresh.confirmation })
    expect(differences(good, picture(box.root))).toEqual([])
  })
})

/** Undo of something undoable runs at once where the client cannot ask, or after a confirmation. */
async function undo(client: TestClient, operation: string) {
  const reply = await client.call('snapshot_undo', { operation })
  expect(reply.status).toBe('done')
  return reply
}
