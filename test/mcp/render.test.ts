import { describe, expect, test } from 'vitest'
import { create } from '../../src/mcp/tools/create.ts'
import { deleteTool } from '../../src/mcp/tools/delete.ts'
import { diff } from '../../src/mcp/tools/diff.ts'
import { get } from '../../src/mcp/tools/get.ts'
import { list } from '../../src/mcp/tools/list.ts'
import { prune } from '../../src/mcp/tools/prune.ts'
import { restore } from '../../src/mcp/tools/restore.ts'
import { sources } from '../../src/mcp/tools/sources.ts'
import { status } from '../../src/mcp/tools/status.ts'
import { undo } from '../../src/mcp/tools/undo.ts'
import { bytes } from '../../src/mcp/tools/wording.ts'
import type { Snapshot } from '../../src/snapshots/model.ts'
import { ID, SNAPSHOT } from './support/fake-service.ts'

/** A client that shows a model only the text must find there what the next call needs. */

const UNTIL = '2026-11-23T10:00:00.000Z'
const PLAN = {
  summary: 'Make /project equal to the snapshot',
  effects: { write: 3, delete: 1 },
  reversible: true,
  undo_until: UNTIL,
  warnings: ['1 file was skipped'],
}

test('create: what was captured, what was not, and the way back', () => {
  const receipt = {
    files: 1,
    directories: 2,
    links: 0,
    bytes_captured: 1_234_567,
    bytes_reused: 0,
    skipped: [{ reason: 'socket', count: 3, samples: [{ path: 'run/a.sock' }] }],
    changed_during_read: [{ path: 'log.txt' }],
  }
  const text = create.render({ status: 'done', operation: 'op_00000001', snapshot: SNAPSHOT, receipt })
  expect(text.split('\n')).toEqual([
    `Saved: ${ID}  "before the change"  ready  2026-11-20T10:00:00.000Z  1.2 MB  path:/project`,
    'Captured 1 file, 2 directories, 0 links: 1.2 MB new, 0 B reused.',
    'Skipped 3 (socket): run/a.sock, ...',
    'Changed while being read, may be inconsistent: log.txt',
    `To see what changed since: snapshot_diff {"from":"${ID}"}. To go back: snapshot_restore {"snapshot":"${ID}"}.`,
  ])
  expect(get.render({ snapshot: SNAPSHOT, receipt }).split('\n').slice(1)).toEqual(
    text.split('\n').slice(1, -1),
  )
})

test('list and get: ids, marks, the next page, and who failed', () => {
  const marked = {
    ...SNAPSHOT,
    protected: true,
    auto: true,
    labels: { ci: '', team: 'red' },
    expires_at: UNTIL,
  }
  const text = list.render({
    items: [marked],
    next_cursor: 'abc',
    errors: [{ provider: 'far', code: 'NETWORK', message: 'no route', retryable: true }],
  })
  expect(text).toContain(`[safety, protected, expires ${UNTIL}, ci, team=red]`)
  expect(text).toContain('cursor "abc"')
  expect(text).toContain('far failed: NETWORK: no route')
  expect(list.render({ items: [] })).toBe('No snapshots match.')
  expect(get.render({ snapshot: { ...SNAPSHOT, note: 'why', parent_id: 'local:p' } })).toContain('Note: why')
})

test('diff: one line a change, content indented', () => {
  const text = diff.render({
    from: ID,
    to: 'current',
    summary: { added: 1, removed: 1, modified: 2, bytes: 2048 },
    changes: [
      { path: 'a', kind: 'added', type: 'file', size_after: 12 },
      { path: 'b', kind: 'removed', type: 'directory' },
      {
        path: 'c',
        kind: 'modified',
        type: 'file',
        aspects: ['content'],
        size_before: 1,
        size_after: 2,
        diff: '@@\n-x\n+\u001b[31my\n',
      },
      {
        path: 'd?',
        bytes: 'ZP8=',
        kind: 'modified',
        type: 'file',
        aspects: ['mode'],
        diff_omitted: 'binary',
      },
    ],
  })
  expect(text.split('\n')).toEqual([
    `From ${ID} to current: 1 added, 1 removed, 2 modified (2.0 kB).`,
    'A a (12 B)',
    'D b (directory)',
    'M c (content, 1 B -> 2 B)',
    '    @@',
    '    -x',
    '    +?[31my',
    'M d? {"bytes":"ZP8="} (mode, no diff: binary)',
  ])
})

describe('a machine', () => {
  const DROPLET: Snapshot = {
    ...SNAPSHOT,
    id: 'digitalocean:6372321',
    provider: 'digitalocean',
    captures: ['disk'],
    source: { kind: 'droplet', id: '3164444', name: 'web' },
    regions: ['nyc3', 'ams3'],
    cost_per_month: { amount: 1.5, currency: 'USD' },
  }
  const creating = { status: 'creating', operation: 'op_00000001' }
  const wait = (id: string) => `Wait for it with snapshot_get {"snapshot":"${id}","wait_seconds":50}.`

  test('its snapshot: where it is, what it costs, what to know, and the way back without a diff', () => {
    const warnings = ['Volumes that are attached are not in it.']
    const reply = { status: 'done', operation: 'op_00000001', snapshot: DROPLET, warnings }
    expect(create.render(reply).split('\n')).toEqual([
      'Saved: digitalocean:6372321  "before the change"  ready  2026-11-20T10:00:00.000Z  1.2 MB  droplet:3164444  in nyc3, ams3  1.50 USD a month',
      'Warning: Volumes that are attached are not in it.',
      'To use it: snapshot_restore {"snapshot":"digitalocean:6372321","mode":"new"}.',
    ])
  })

  test('copies that were started with its snapshot are named', () => {
    const targets = [{ kind: 'instance', id: 'morphvm_1', name: 'one' }]
    const reply = { status: 'done', operation: 'op_00000001', snapshot: DROPLET, targets }
    expect(create.render(reply).split('\n')).toContain('Copy: instance:morphvm_1')
  })

  test('its snapshot that takes longer than the call: the id to wait for', () => {
    const snapshot = { ...DROPLET, id: 'digitalocean:op_00000001', state: 'creating' as const }
    const lines = create.render({ ...creating, snapshot }).split('\n')
    expect(lines[0]).toContain('Being saved: digitalocean:op_00000001')
    expect(lines.slice(1)).toEqual([wait('digitalocean:op_00000001')])
  })

  test.each([
    [restore, 'Being restored (op_00000001).'],
    [undo, 'Being undone (op_00000001).'],
  ])('a restore that takes longer than the call, as well', (tool, first) => {
    const reply = { ...creating, mode: 'new', pending: 'digitalocean:op_00000001' }
    expect(tool.render(reply).split('\n')).toEqual([first, wait('digitalocean:op_00000001')])
  })

  test('a restore in place that tells nothing of files claims nothing of them', () => {
    const reply = { status: 'done', operation: 'op_00000001', mode: 'in_place' }
    expect(restore.render({ ...reply, safety_snapshot: 'digitalocean:7' }).split('\n')).toEqual([
      'Restored (op_00000001).',
      'The state before is kept as digitalocean:7.',
    ])
    expect(restore.render(reply)).toBe('Restored (op_00000001).')
  })

  test('copies of it are named as sources', () => {
    const targets = [{ kind: 'droplet', id: '42', name: 'web-2' }]
    const text = restore.render({ status: 'done', operation: 'op_00000001', mode: 'new', targets })
    expect(text).toContain('Copy: droplet:42')
  })

  test('a restore that is waited on: how far it is, what came of it, and its undo', () => {
    const ofRestore = (restored: object, snapshot = DROPLET) =>
      get
        .render({ snapshot, restore: { operation: 'op_00000001', ...restored } })
        .split('\n')
        .slice(1)
    const pending = { ...DROPLET, id: 'digitalocean:op_00000001', state: 'creating' as const }
    expect(ofRestore({ status: 'creating' }, pending)).toEqual([
      'The restore op_00000001 is under way.',
      wait('digitalocean:op_00000001'),
    ])
    const undoing = { operation: 'op_00000001', until: UNTIL }
    expect(
      ofRestore({ status: 'done', safety_snapshot: 'digitalocean:7', warnings: ['It runs.'], undo: undoing }),
    ).toEqual([
      'The restore op_00000001 is done.',
      'The state before is kept as digitalocean:7.',
      'Warning: It runs.',
      `Undo with snapshot_undo {"operation":"op_00000001"} until ${UNTIL}.`,
    ])
    expect(ofRestore({ status: 'unknown' })).toEqual([
      'The restore op_00000001 may have been carried out or not.',
    ])
  })
})

describe('what did not run', () => {
  const tools = [
    ['snapshot_create', create],
    ['snapshot_restore', restore],
    ['snapshot_delete', deleteTool],
    ['snapshot_undo', undo],
    ['snapshot_prune', prune],
  ] as const

  test.each(tools)('%s shows the plan and the one call that runs it', (name, tool) => {
    const reply = {
      status: 'confirmation_required',
      plan: PLAN,
      confirmation: 'cfm_abcdefgh',
      expires_at: UNTIL,
    }
    expect(tool.render(reply).split('\n')).toEqual([
      'Plan: Make /project equal to the snapshot',
      'Effects: {"write":3,"delete":1}',
      `Can be undone until ${UNTIL}.`,
      'Warning: 1 file was skipped',
      'Nothing was changed.',
      `To run it, call ${name} again before ${UNTIL} with the same arguments and "confirmation":"cfm_abcdefgh".`,
    ])
  })

  test.each(tools)('%s as a dry run gives no token', (_name, tool) => {
    const text = tool.render({ status: 'dry_run', plan: { ...PLAN, reversible: false } })
    expect(text).toContain('Cannot be undone.')
    expect(text).not.toContain('To run it')
  })

  test.each(tools)('%s that needs a person says how', (_name, tool) => {
    const approval = { code: 'ABCD-EFGH', how: 'snapshot-mcp approve ABCD-EFGH' }
    const text = tool.render({
      status: 'approval_required',
      plan: PLAN,
      approval,
      confirmation: 'cfm_abcdefgh',
    })
    expect(text).toContain('(code ABCD-EFGH). snapshot-mcp approve ABCD-EFGH')
    expect(text).toContain('cfm_abcdefgh')
  })
})

test('prune says how to go on from its plan', () => {
  expect(prune.render({ status: 'dry_run', plan: PLAN })).toMatch(
    /call snapshot_prune again with "dry_run":false\.$/,
  )
})

test('what ran: what changed, and how to undo it', () => {
  const way = { operation: 'op_00000001', until: UNTIL }
  const undoWords = `Undo with snapshot_undo {"operation":"op_00000001"} until ${UNTIL}.`
  const restored = restore.render({
    status: 'done',
    operation: 'op_00000001',
    changed: { written: 2, deleted: 1, metadata: 0, bytes: 5 },
    verified: { digest: 'abc', files: 9, bytes: 10 },
    targets: [{ kind: 'path', id: '/copy', name: 'copy' }],
    safety_snapshot: 'local:safe',
    undo: way,
  })
  for (const words of ['2 written (5 B), 1 deleted', 'digest abc', 'path:/copy', 'local:safe', undoWords])
    expect(restored).toContain(words)
  const failed = [{ snapshot: 'local:b', code: 'PROTECTED', message: 'It is protected.' }]
  const deleted = deleteTool.render({ status: 'done', deleted: [ID], failed, freed_bytes: 1000, undo: way })
  for (const words of ['Deleted 1 snapshot, 1.0 kB freed', ID, 'local:b: PROTECTED', undoWords])
    expect(deleted).toContain(words)
  expect(undo.render({ status: 'done', operation: 'op_00000002', undid: 'op_00000001' })).toBe(
    'Undone: op_00000001 (op_00000002).',
  )
})

describe.each([
  ['restore', restore],
  ['undo', undo],
] as const)('%s that found everything in place', (_name, tool) => {
  const changed = { written: 0, deleted: 0, metadata: 0, bytes: 0 }
  const reply = { status: 'done', operation: 'op_00000001', mode: 'in_place', changed }
  const verified = { digest: 'abc', files: 9, bytes: 10 }

  test('says so and claims nothing else', () => {
    expect(tool.render({ ...reply, verified }).split('\n')).toEqual([
      'Nothing to do: it already is as in the snapshot.',
      'Verified: 9 files, 10 B, digest abc.',
    ])
  })

  test('and what changed only metadata did something', () => {
    const text = tool.render({ ...reply, changed: { ...changed, metadata: 1 } })
    expect(text).toContain('1 with only metadata changed')
    expect(text).not.toContain('Nothing to do')
  })
})

test('a copy of an empty directory, or a safety snapshot, is something', () => {
  const changed = { written: 0, deleted: 0, metadata: 0, bytes: 0 }
  const done = { status: 'done', operation: 'op_00000001', changed }
  for (const more of [{ mode: 'new' }, { mode: 'in_place', safety_snapshot: 'local:safe' }])
    expect(restore.render({ ...done, ...more })).toContain('Restored (op_00000001).')
})

test('sources and status', () => {
  const item = { kind: 'path', id: '/p', name: 'p', provider: 'local', source: 'path:/p', snapshots: 2 }
  expect(sources.render({ items: [item] })).toBe('path:/p  local  2 snapshots')
  expect(sources.render({ items: [] })).toContain('snapshot_status')
  const operation = {
    operation: 'op_00000001',
    type: 'restore',
    state: 'done' as const,
    summary: 'Restored',
    started_at: UNTIL,
    undo_until: UNTIL,
  }
  const text = status.render({
    providers: [
      { name: 'local', healthy: true, capabilities: {}, usage: { snapshots: 1 } },
      { name: 'far', healthy: false, capabilities: {}, error: { code: 'NETWORK', message: 'no route' } },
    ],
    policy: { guard: 'auto' },
    operations: [operation],
    undoable: [operation],
  })
  expect(text.split('\n')).toEqual([
    'local: healthy; usage {"snapshots":1}',
    'far: not healthy; NETWORK: no route',
    'Policy: {"guard":"auto"}',
    'Operations:',
    `- op_00000001 restore done ${UNTIL}: Restored, undo until ${UNTIL}`,
    'Can be undone with snapshot_undo:',
    `- op_00000001 restore done ${UNTIL}: Restored, undo until ${UNTIL}`,
  ])
})

test('names and paths cannot draw on a terminal, turn a line around or begin a new one', () => {
  const evil = 'x\u001b[2J\n\u202eSaved: local:fake\u2028\u200b'
  const snapshot: Snapshot = {
    ...SNAPSHOT,
    name: evil,
    source: { ...SNAPSHOT.source, id: evil },
    regions: [evil],
    cost_per_month: { amount: 1, currency: evil },
    labels: { [evil]: evil },
  }
  const receipt = {
    files: 0,
    directories: 0,
    links: 0,
    bytes_captured: 0,
    bytes_reused: 0,
    skipped: [{ reason: 'socket', count: 1, samples: [{ path: evil }] }],
    changed_during_read: [],
  }
  const texts = [
    create.render({ status: 'done', operation: 'op_00000001', snapshot, receipt, warnings: [evil] }),
    restore.render({
      status: 'done',
      operation: 'op_00000001',
      mode: 'new',
      targets: [{ kind: evil, id: evil, name: evil }],
      warnings: [evil],
    }),
    list.render({ items: [snapshot] }),
    get.render({ snapshot: { ...snapshot, note: evil } }),
    restore.render({
      status: 'dry_run',
      plan: { ...PLAN, summary: evil, effects: { [evil]: evil }, warnings: [evil] },
    }),
    deleteTool.render({
      status: 'done',
      deleted: [],
      failed: [{ snapshot: evil, code: 'X', message: evil }],
    }),
    sources.render({
      items: [{ kind: 'path', id: evil, name: evil, provider: 'local', source: evil, note: evil }],
    }),
  ]
  for (const text of texts) {
    expect(text).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
    expect(text.split('\n').filter((line) => line.startsWith('Saved: local:fake'))).toEqual([])
  }
})

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1.0 kB'],
  [999_999, '1000.0 kB'],
  [20e9, '20.0 GB'],
  [5e15, '5000.0 TB'],
])('%d bytes are %s', (count, words) => {
  expect(bytes(count)).toBe(words)
})
