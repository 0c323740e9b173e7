import { expect, test } from 'vitest'
import type { LiveDirectory, LiveEntry } from '../../../src/providers/local/live.ts'
import { createRoster, type Roster } from '../../../src/providers/local/roster.ts'
import { decode, encode } from '../../../src/providers/local/stat-cache.ts'

const ID = 'a'.repeat(64)
const stat = { dev: 1n, ino: 2n, size: 3n, mode: 0o100644n, nlink: 1n, mtime: 4n, ctime: 5n, settled: true }
const meta = { mode: 0o644, uid: 0, gid: 0, mtime: 4n, stat }

const file = (name: string, more = {}): LiveEntry => ({
  type: 'file',
  name,
  ...meta,
  size: 3,
  content: ID,
  chunked: false,
  chunks: [],
  ...more,
})
const directory = (name: string, ...children: LiveEntry[]): LiveDirectory => ({
  type: 'directory',
  name,
  ...meta,
  tree: ID,
  coarse: ID,
  children,
})
const link = (name: string, target: string): LiveEntry => ({ type: 'symlink', name, ...meta, target })

/** The bytes of a roster, forged before their hash is made. */
function forged(root: LiveDirectory, forge: (columns: Roster['columns']) => void = () => {}): Buffer {
  const roster = createRoster(root, ['*.log'])
  forge(roster.columns)
  return encode(roster)
}

const SOUND = directory(
  '',
  file('a', { chunked: true, chunks: [ID, ID] }),
  directory('dir', file('in', { mtime: 9n }), link('to', '../a')),
  { type: 'skipped', name: 'pipe', reason: 'fifo' },
  file('z'.repeat(255)),
)

test('what a scan found is taken back', () => {
  expect(decode(forged(SOUND))?.root.children.map(({ name }) => name)).toEqual([
    'a',
    'dir',
    'pipe',
    'z'.repeat(255),
  ])
  expect(decode(forged(directory('')))?.root.children).toEqual([])
})

test.each<[string, LiveDirectory]>([
  ['a name that leads up', directory('', file('..'))],
  ['a name that leads below', directory('', file('a/b'))],
  ['an empty name', directory('', file(''))],
  ['a name too long', directory('', file('x'.repeat(256)))],
  ['a root with a name', directory('etc')],
  ['a name twice', directory('', file('a'), file('a'))],
  ['names out of order', directory('', directory('b', file('x')), file('a'))],
  ['a target with a NUL', directory('', link('a', 'b\0c'))],
  ['an empty target', directory('', link('a', ''))],
  ['a mode that is none', directory('', file('a', { mode: 0o10000 }))],
  ['an owner that is none', directory('', file('a', { uid: 2 ** 40 }))],
])('%s is not believed, though the hash fits', (_what, root) => {
  expect(decode(forged(root))).toBeUndefined()
})

test.each<[string, (columns: Roster['columns']) => void]>([
  ['a directory that ends where it begins', ({ span }) => span.set([0], 2)],
  ['a directory that ends behind its parent', ({ span }) => span.set([100], 2)],
  ['a file that holds others', ({ span }) => span.set([2], 1)],
  ['a root that ends early', ({ span }) => span.set([2], 0)],
  ['an entry of another directory', ({ up }) => up.set([3], 3)],
  ['an entry of its own', ({ up }) => up.set([0], 3)],
  ['a record that ends before it begins', ({ recordAt }) => recordAt.set([0], 2)],
  ['a record behind all others', ({ recordAt }) => recordAt.set([2 ** 31], 3)],
  ['a root that is a file', ({ flags }) => flags.set([0], 0)],
  ['a kind that is none', ({ flags }) => flags.set([7], 1)],
  ['a file that says it is a directory', ({ flags }) => flags.set([2], 1)],
  ['a link that says it is a list of chunks', ({ flags }) => flags.set([1], 4)],
  [
    'a name whose length is written the long way',
    ({ records, recordAt }) => records.set([0x81], recordAt[1]!),
  ],
])('%s is not believed', (_what, forge) => {
  expect(decode(forged(SOUND, forge))).toBeUndefined()
})
