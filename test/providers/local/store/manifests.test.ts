import { mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Manifest } from '../../../../src/providers/local/store/manifest.ts'
import { createManifestStore } from '../../../../src/providers/local/store/manifests.ts'
import { PLAIN } from '../../../../src/providers/local/store/seal.ts'
import { refusal, temporaryDirectory } from '../../../snapshots/world.ts'
import { intercept, systemFault } from '../faults.ts'

const MANIFEST: Manifest = {
  format: 1,
  root: Buffer.from('/project').toString('base64'),
  digest: '0'.repeat(64),
  tree: '1'.repeat(64),
  links: null,
  root_meta: { mode: 0o755, uid: 0, gid: 0, mtime: '0' },
  created_at: '2030-01-01T00:00:00.000Z',
  sequence: 1,
  operation: 'op_1',
  auto: false,
  parent: null,
  exclude: [],
  size: 0,
  receipt: {
    ...{ files: 0, directories: 0, links: 0, bytes_captured: 0, bytes_reused: 0 },
    skipped: [],
    changed_during_read: [],
  },
}
const DETAILS = { name: 'kept', labels: {}, protected: false }
const TRASHED = { at: '2030-01-01T00:00:00.000Z', until: '2030-01-02T00:00:00.000Z' }

/** A store of manifests with one snapshot, and a second one on it that has not read anything yet. */
function stores() {
  const home = temporaryDirectory()
  for (const folder of ['snapshots', 'trash', 'details']) mkdirSync(join(home, folder))
  const first = createManifestStore(home, PLAIN)
  const { id } = first.add(MANIFEST, DETAILS)
  const path = (folder: string, name = `${id}.json`) => join(home, folder, name)
  const move = (from: string, to: string) => renameSync(path(from), path(to))
  return { id, path, move, first, fresh: createManifestStore(home, PLAIN) }
}

describe('a snapshot that another process moves', () => {
  test('into the trash, after its name was read and before it was: it is found there', () => {
    const { id, path, move, fresh } = stores()
    let moved = 0
    intercept('openSync', (file) => {
      if (file === path('snapshots') && moved++ === 0) move('snapshots', 'trash')
    })
    expect(fresh.list()).toMatchObject({ stored: [{ id, trashed: true }], damaged: [] })
    expect(moved).toBe(1)
  })

  test('out of the trash, between the two directories: it is found where it went', () => {
    const { id, path, move, first, fresh } = stores()
    first.trash(id, TRASHED)
    let moved = 0
    intercept(
      'readdirSync',
      () => {},
      (folder) => {
        if (folder === path('snapshots', '') && moved++ === 0) move('trash', 'snapshots')
      },
    )
    expect(fresh.list()).toMatchObject({ stored: [{ id, trashed: false }], damaged: [] })
    expect(moved).toBeGreaterThan(0)
  })

  test.each([
    ['into the trash', 'snapshots', 'trash'],
    ['out of it', 'trash', 'snapshots'],
  ])('%s, while it is asked for: it is there', (_what, from, to) => {
    const { id, path, move, first, fresh } = stores()
    if (from === 'trash') first.trash(id, TRASHED)
    let moved = 0
    intercept('openSync', (file) => {
      if (file === path(from) && moved++ === 0) move(from, to)
    })
    expect(fresh.get(id)).toMatchObject({ id, trashed: to === 'trash' })
    expect(moved).toBe(1)
  })
})

test('a file without an ending, named as a snapshot in the trash, does not hide it', () => {
  const { id, path, first, fresh } = stores()
  first.trash(id, TRASHED)
  writeFileSync(path('snapshots', id), '')
  expect(fresh.list()).toMatchObject({ stored: [{ id, trashed: true }], damaged: [] })
})

test('too many open files are no damage', async () => {
  const { path, fresh } = stores()
  intercept('openSync', (file) => {
    if (file === path('snapshots')) throw systemFault('EMFILE')
  })
  await expect(async () => fresh.list()).rejects.toThrow('EMFILE')
})

describe.each(['EIO', 'EACCES'])('details that answer with %s', (code) => {
  const unreadable = () => {
    const all = stores()
    const before = readdirSync(all.path('details', ''))
    intercept('lstatSync', (file) => {
      if (file === all.path('details')) throw systemFault(code)
    })
    return { ...all, before }
  }

  test('cost the name, not the snapshot', () => {
    const { id, fresh } = unreadable()
    const shown = { id, details: { name: id.slice(0, 12), protected: true } }
    expect(fresh.get(id)).toMatchObject(shown)
    expect(fresh.list()).toMatchObject({ stored: [shown], damaged: [] })
    expect(fresh.hasDetails(id)).toBe(false)
  })

  test('are not written over', async () => {
    const { id, path, fresh } = unreadable()
    await expect(async () => fresh.trash(id, TRASHED)).rejects.toThrow(code)
    await expect(async () => fresh.setDetails(id, DETAILS)).rejects.toThrow(code)
    expect(readdirSync(path('snapshots', ''))).toEqual([`${id}.json`])
  })

  test('keep a snapshot in the trash, since they say how it came there', async () => {
    const { id, path, move, fresh } = unreadable()
    move('snapshots', 'trash')
    await expect(async () => fresh.untrash(id)).rejects.toThrow(code)
    expect(readdirSync(path('trash', ''))).toEqual([`${id}.json`])
  })
})

test('of two with one number the later one comes first', async () => {
  const { first, fresh } = stores()
  const times = ['2030-01-01T00:00:02.000Z', '2030-01-01T00:00:01.000Z', '2030-01-01T00:00:03.000Z']
  for (const created_at of times) first.add({ ...MANIFEST, created_at }, DETAILS)
  expect(fresh.list().stored.map(({ manifest }) => manifest.created_at)).toEqual([
    ...times.toSorted().reverse(),
    MANIFEST.created_at,
  ])
  await refusal((async () => fresh.get('0'.repeat(32)))(), 'NOT_FOUND')
})
