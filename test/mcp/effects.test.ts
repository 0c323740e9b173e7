import { describe, expect, test } from 'vitest'
import { effectLines } from '../../src/mcp/tools/effects.ts'

const NONE = { written: 0, deleted: 0, metadata: 0, bytes: 0 }
const evil = 'x\u001b[2J\n\u202eWrite 0 entries'

describe('a restore in place', () => {
  test('is a line for each kind of change', () => {
    const effects = {
      mode: 'in_place',
      directory: '/project',
      written: 12,
      deleted: 1,
      metadata: 2,
      bytes: 4096,
      samples: {
        written: Array.from({ length: 10 }, (_, index) => `src/${index}.ts`),
        deleted: [{ path: 'd?', bytes: 'ZP8=' }],
        metadata: ['run.sh', 'tmp'],
      },
      left_alone: ['a.sock'],
    }
    expect(effectLines(effects)).toEqual([
      'Write 12 entries (4.1 kB): src/0.ts, src/1.ts, src/2.ts, src/3.ts, src/4.ts, src/5.ts, src/6.ts, src/7.ts and 4 more',
      'Delete 1 entry: d? {"bytes":"ZP8="}',
      'Set metadata of 2 entries: run.sh, tmp',
      'Leave alone: a.sock',
    ])
  })

  test('does not count what is only listed in part', () => {
    const left_alone = Array.from({ length: 10 }, (_, index) => `${index}`)
    expect(effectLines({ ...NONE, left_alone })).toEqual(['Leave alone: 0, 1, 2, 3, 4, 5, 6, 7 and more'])
  })

  test('with nothing to do has no effects', () => {
    expect(effectLines({ mode: 'in_place', directory: '/p', ...NONE, samples: {} })).toEqual([])
  })
})

test('copies are named', () => {
  const effects = { mode: 'new', copies: ['/a', '/b'], ...NONE, written: 1, bytes: 5 }
  expect(effectLines(effects)).toEqual(['Make 2 copies: /a, /b', 'Write 1 entry (5 B)'])
})

test.each([
  [{ snapshots: 0 }, []],
  [{ snapshots: [] }, []],
  [{ snapshots: 2 }, ['Affects 2 snapshots']],
  [{ snapshots: ['local:a', 'local:b'] }, ['Affects 2 snapshots: local:a, local:b']],
  [
    { snapshots: [{ id: 'local:a', name: 'old', created_at: '2026-11-20T10:00:00.000Z', size_bytes: 1500 }] },
    ['Affects 1 snapshot: local:a ("old", 1.5 kB)'],
  ],
  [
    { snapshots: Array.from({ length: 50 }, (_, index) => ({ id: `far:${index}` })) },
    ['Affects 50 snapshots: far:0, far:1, far:2, far:3, far:4, far:5, far:6, far:7 and 42 more'],
  ],
  [
    { snapshots: 2, sandboxes_made_from_them: 1 },
    ['Affects 2 snapshots', 'Also: {"sandboxes_made_from_them":1}'],
  ],
  [{ rebuilds: 'droplet' }, ['Effects: {"rebuilds":"droplet"}']],
] as [Record<string, unknown>, string[]][])('%j', (effects, lines) => {
  expect(effectLines(effects)).toEqual(lines)
})

test('names stay in their line, whatever shape they come in', () => {
  const shapes = [
    { ...NONE, written: 1, samples: { written: [evil] }, left_alone: [{ path: evil }] },
    { ...NONE, copies: [evil] },
    { snapshots: [evil, { id: evil, name: evil }] },
    { [evil]: evil },
  ]
  for (const line of shapes.flatMap(effectLines)) expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
})
