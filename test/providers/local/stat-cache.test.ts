import { readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { LiveDirectory, LiveEntry, Stat } from '../../../src/providers/local/live.ts'
import { createRoster } from '../../../src/providers/local/roster.ts'
import { decode, encode } from '../../../src/providers/local/stat-cache.ts'
import { content } from '../../support/trees.ts'
import { makeWorkspace } from '../../support/workspace.ts'
import { damage, entries, spoil } from './arbitraries.ts'
import { context, settle, workbench } from './support.ts'

const unsigned = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
const nanoseconds = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
const stat: fc.Arbitrary<Stat> = fc.record({
  ...{ dev: unsigned, ino: unsigned, size: unsigned, mode: unsigned, nlink: unsigned },
  ...{ mtime: nanoseconds, ctime: nanoseconds, settled: fc.boolean() },
})

/** A directory as a scan leaves it, two levels deep. */
const scanned: fc.Arbitrary<LiveDirectory> = fc
  .tuple(entries, entries, fc.infiniteStream(stat))
  .map(([outer, inner, stats]) => {
    const live = (all: typeof outer, below: LiveEntry[]): LiveEntry[] =>
      all.map((entry) => {
        if (entry.type === 'skipped') return entry
        const withStat = { ...entry, stat: stats.next().value as Stat }
        if (withStat.type === 'file')
          return { ...withStat, chunks: withStat.chunked ? [withStat.content] : [] }
        return withStat.type === 'directory'
          ? { ...withStat, coarse: withStat.tree, children: below }
          : withStat
      })
    return {
      type: 'directory',
      name: '',
      ...{ mode: 0o755, uid: 0, gid: 0, mtime: 5n, tree: 'ab'.repeat(32), coarse: 'cd'.repeat(32) },
      stat: stats.next().value as Stat,
      children: live(outer, live(inner, [])),
    }
  })

/** Everything that a roster says, read entry by entry. */
function told(entry: LiveEntry): unknown {
  if (entry.type !== 'directory') return entry
  const { seat: _, children, ...rest } = entry
  return { ...rest, children: children.map(told) }
}

test('any scan survives being written and read', () => {
  fc.assert(
    fc.property(scanned, fc.array(fc.string()), (root, exclude) => {
      const back = decode(encode(createRoster(root, exclude)))
      expect(told(back?.root as LiveEntry)).toEqual(root)
      expect(back?.exclude).toEqual(exclude)
    }),
    { numRuns: 50 },
  )
})

test('a scan that takes over parts of another says the same', () => {
  fc.assert(
    fc.property(scanned, scanned, (before, after) => {
      const old = createRoster(before, []).root
      const mixed = { ...after, children: [...old.children, ...after.children] }
      const plain = { ...after, children: [...before.children, ...after.children] }
      expect(told(createRoster(mixed, []).root)).toEqual(told(createRoster(plain, []).root))
      expect(told(createRoster(mixed, []).root)).toEqual(plain)
    }),
    { numRuns: 50 },
  )
})

test('no damage goes unnoticed', () => {
  fc.assert(
    fc.property(scanned, damage, (root, what) => {
      const bytes = encode(createRoster(root, []))
      const spoilt = spoil(bytes, what)
      fc.pre(!spoilt.equals(bytes))
      expect(decode(spoilt)).toBeUndefined()
    }),
    { numRuns: 100 },
  )
})

const again = (root: string) => ({
  source: { kind: 'path', id: root, name: 'root' },
  name: 'again',
  labels: {},
  auto: false,
  protected: false,
})

const scans = (home: string) => {
  const cache = join(home, 'store/cache')
  return readdirSync(cache)
    .filter((name) => name.endsWith('.scan'))
    .map((name) => join(cache, name))
}

/** Bytes this process has read from anything so far. */
const bytesRead = () => Number(/rchar: (\d+)/.exec(readFileSync('/proc/self/io', 'utf8'))?.[1])

test.runIf(process.platform === 'linux')('the next process reads no file that has not changed', async () => {
  const box = workbench()
  makeWorkspace(box.root)
  box.write('data/big.bin', content(20_000_000, 7))
  await settle()
  const cold = bytesRead()
  const { receipt: first } = await box.save()
  expect(bytesRead() - cold).toBeGreaterThan(20_000_000)
  await box.provider.close?.()
  expect(scans(box.home)).toHaveLength(1)

  const next = box.open()
  const warm = bytesRead()
  const { receipt } = await next.create(again(box.root), context())
  expect(bytesRead() - warm).toBeLessThan(2_000_000)
  expect(receipt).toMatchObject({ files: first?.files, bytes_captured: 0, changed_during_read: [] })
})

test('a damaged cache costs time, never truth', async () => {
  const box = workbench()
  makeWorkspace(box.root)
  await settle()
  await box.save()
  await box.provider.close?.()
  const [scan] = scans(box.home) as [string]
  const bytes = readFileSync(scan)
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1
  writeFileSync(scan, bytes)

  const next = box.open()
  box.write('README.md', '# Changed meanwhile\n')
  const { snapshot } = await next.create(again(box.root), context())
  const { summary } = (await next.diff?.(
    { from: snapshot.id.slice('local:'.length), limit: 10, content: false },
    context(),
  ))!
  expect(summary).toEqual({ added: 0, removed: 0, modified: 0, bytes: 0 })
})

test('an edit of the same size in the same tick of the clock is still noticed', async () => {
  const box = workbench()
  for (let round = 0; round < 25; round++) {
    box.write('state.json', `{"n":${1000 + round}}`)
    const { id } = await box.save()
    box.write('state.json', `{"n":${2000 + round}}`)
    await box.restore(id)
    expect(box.read('state.json')).toBe(`{"n":${1000 + round}}`)
  }
})

test('an edit that hides behind the old size and mtime is still noticed', async () => {
  const box = workbench()
  const time = new Date('2020-02-02T02:02:02Z')
  box.write('state.json', 'one')
  utimesSync(box.at('state.json'), time, time)
  await settle()
  const { id } = await box.save()
  box.write('state.json', 'two')
  utimesSync(box.at('state.json'), time, time)
  await box.restore(id)
  expect(box.read('state.json')).toBe('one')
})
