import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { CHUNK_BYTES } from '../../../src/providers/local/content.ts'
import { type Entry, encodeTree } from '../../../src/providers/local/tree.ts'
import { picture } from '../../support/oracle.ts'
import { content } from '../../support/trees.ts'
import { chunksOf, type Forge, forge, sha256, varint } from './forge.ts'
import { DONE, REFUSED, siege, smallHeap, survive } from './siege.ts'
import { context } from './support.ts'

describe('metadata', () => {
  test('setuid and setgid go where policy says so, on files as on what they hold', async () => {
    const { at, answers } = await survive((f) =>
      f.snapshot(
        f.tree([f.file('sgid', '', { mode: 0o2777 }), f.file('suid', '#!/bin/sh', { mode: 0o4755 })]),
      ),
    )
    expect(answers).toMatchObject(DONE)
    const modes = [...picture(at.copy)].slice(1).map(([, { mode }]) => mode)
    expect(modes).toEqual([0o777, 0o755])
  })

  test.each<[string, Partial<Extract<Entry, { type: 'file' }>>]>([
    ['a mode that is none', { mode: 0o10000 }],
    ['an owner that is none', { uid: 2 ** 40 }],
    ['a group that is none', { gid: 2 ** 32 }],
  ])('%s is refused', async (_what, fields) => {
    const { answers } = await survive((f) => f.snapshot(f.tree([f.file('a', 'x', fields)])))
    expect(answers).toMatchObject(REFUSED)
  })

  test.each<[string, bigint]>([
    ['the first second there is', -(2n ** 63n) * 10n ** 9n],
    ['the last', (2n ** 63n - 1n) * 10n ** 9n],
    ['before 1970', -1n],
    ['before 1901', -(2n ** 32n) * 10n ** 9n],
  ])('a time: %s', async (_what, mtime) => {
    await survive((f) => f.snapshot(f.tree([f.file('a', 'x', { mtime }), f.symlink('b', 'a', { mtime })])))
  })

  test('a time with more than a second of nanoseconds is refused', async () => {
    const { answers } = await survive((f) => {
      const tree = encodeTree([f.file('a', 'x', { mtime: 0n, size: 0x7f })])
      const bytes = Buffer.from(tree)
      // The zero that stands for the nanoseconds lies between eight zeros and the size.
      const at = bytes.indexOf(Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f])) + 8
      const spoilt = Buffer.concat([bytes.subarray(0, at), varint(1e9), bytes.subarray(at + 1)])
      return f.snapshot(f.put(spoilt))
    })
    expect(answers).toMatchObject(REFUSED)
  })
})

describe('contents that are not what they are said to be', () => {
  const CHUNK = content(CHUNK_BYTES, 1)
  const LAST = content(100, 2)
  const cases: [string, (f: Forge) => Entry][] = [
    ['shorter than it says', (f) => f.file('a', 'x', { size: 2 })],
    ['longer than it says', (f) => f.file('a', 'xyz', { size: 1 })],
    ['as large as a number can be', (f) => f.file('a', 'x', { size: Number.MAX_SAFE_INTEGER })],
    ['missing', (f) => f.file('a', 'x', { content: sha256(Buffer.from('nowhere')) })],
    ['a list of chunks that is none', (f) => f.file('a', 'x', { chunked: true })],
    ['a list of chunks that is a tree', (f) => f.file('a', encodeTree([]), { chunked: true })],
    ['a list with a chunk too few', (f) => f.chunked('a', CHUNK_BYTES + 100, [f.put(CHUNK)])],
    ['a list with a chunk too many', (f) => f.chunked('a', 100, [f.put(LAST), f.put(LAST)])],
    ['a list of another size', (f) => f.chunked('a', 100, [f.put(LAST)], { size: 99 })],
    ['a last chunk that goes on', (f) => f.chunked('a', 100, [f.put(CHUNK)])],
    [
      'a chunk that goes on',
      (f) => f.chunked('a', CHUNK_BYTES + 100, [f.put(content(CHUNK_BYTES + 1, 3)), f.put(LAST)]),
    ],
    ['a chunk that stops', (f) => f.chunked('a', CHUNK_BYTES + 100, [f.put(LAST), f.put(LAST)])],
    ['a missing chunk', (f) => f.chunked('a', 100, [sha256(Buffer.from('nowhere'))])],
    ['a directory that is a file', (f) => f.directory('a', [], { tree: f.put(Buffer.from('text')) })],
    ['a directory that is missing', (f) => f.directory('a', [], { tree: sha256(Buffer.from('nowhere')) })],
    [
      'a directory that is cut',
      (f) => f.directory('a', [], { tree: f.put(encodeTree([f.file('b', '')]).subarray(0, -1)) }),
    ],
    [
      'a directory with bytes left over',
      (f) => f.directory('a', [], { tree: f.put(Buffer.from('STR1\0more')) }),
    ],
    [
      'a directory with more entries than bytes',
      (f) => f.directory('a', [], { tree: f.put(Buffer.concat([Buffer.from('STR1'), varint(2 ** 50)])) }),
    ],
  ]
  test.each(cases)('%s: refused before anything is written', async (_what, entry) => {
    const { at, answers } = await survive((f) =>
      f.snapshot(f.tree([entry(f), f.file('kept', 'of the snapshot')])),
    )
    expect(answers).toMatchObject(REFUSED)
    expect(at.box.read('kept')).toBe('changed since')
  })

  const MANY = 8000
  test.each<[string, (f: Forge) => Entry]>([
    ['longer than it says', (f) => f.file('a', 'xyz', { size: 1 })],
    [
      'a list of gigabytes',
      (f) => f.chunked('a', MANY * CHUNK_BYTES, Array(MANY).fill(f.put(CHUNK)), { size: 10 }),
    ],
    [
      'a chunk that goes on',
      (f) => f.chunked('a', CHUNK_BYTES + 100, [f.put(content(CHUNK_BYTES + 1, 3)), f.put(LAST)]),
    ],
  ])('%s: a diff does not show it, nor read it', async (_what, entry) => {
    const { answers } = await survive((f) => f.snapshot(f.tree([entry(f)])))
    expect(answers).toMatchObject({ diff: 'CORRUPT', compare: 'CORRUPT' })
  })

  test('a list that two entries have, of which one has another size, is told by the check of a store', async () => {
    for (const wrong of ['a', 'b']) {
      const at = await siege()
      const f = forge(at.box)
      const chunk = f.put(LAST)
      f.snapshot(
        f.tree(['a', 'b'].map((name) => f.chunked(name, 100, [chunk], name === wrong ? { size: 99 } : {}))),
      )
      const provider = at.box.open()
      const { damaged } = await provider.verify!({}, context())
      expect(damaged).toMatchObject([{ what: 'content', paths: [{ path: 'a' }, { path: 'b' }] }])
    }
  })

  test('a content that is the bytes of a tree is just bytes', async () => {
    const { at, answers } = await survive((f) =>
      f.snapshot(f.tree([f.file('a', encodeTree([f.file('..', '')]))])),
    )
    expect(answers).toMatchObject(DONE)
    expect(readFileSync(join(at.copy, 'a')).toString('latin1', 0, 4)).toBe('STR1')
  })

  test('chunks as they should be are restored', async () => {
    const bytes = content(1_500_000, 4)
    const { at } = await survive((f) =>
      f.snapshot(f.tree([f.chunked('a', bytes.length, chunksOf(bytes).map(f.put))])),
    )
    expect(sha256(readFileSync(join(at.copy, 'a')))).toBe(sha256(bytes))
  })
})

describe('trees without end', () => {
  /** Each level holds the one below twice: 2^40 files in 41 small objects. */
  const doubling = (f: Forge): string => {
    let tree = f.tree([f.file('leaf', 'x')])
    for (let level = 0; level < 40; level++) {
      const [left, right] = [f.directory('a', []), f.directory('b', [])]
      tree = f.tree([
        { ...left, tree },
        { ...right, tree },
      ])
    }
    return tree
  }

  test.each([
    ['one that says it is small', { files: 10, directories: 10, links: 0 }, 'CORRUPT'],
    ['one that says how large it is', { files: 2 ** 40, directories: 2 ** 41 }, 'UNSUPPORTED'],
  ])('a tree that doubles forty times, %s: refused', async (_what, counts, code) => {
    smallHeap()
    const { answers } = await survive((f) => {
      const tree = doubling(f)
      const { receipt } = f.fields(tree) as { receipt: object }
      return f.snapshot(tree, { receipt: { ...receipt, ...counts } })
    })
    expect(answers).toMatchObject({ new: code, 'in place': code, diff: code, verify: 'done' })
  })

  test('100,000 directories in each other: refused', async () => {
    const { answers } = await survive((f) => {
      let tree = f.tree([f.file('leaf', 'x')])
      for (let level = 0; level < 100_000; level++) tree = f.tree([{ ...f.directory('d', []), tree }])
      return f.snapshot(tree)
    })
    expect(answers).toMatchObject({ ...REFUSED, diff: 'CORRUPT', verify: 'done' })
  })

  test('a tree that an index says holds itself: refused', async () => {
    const { answers } = await survive((f) => {
      const fake = sha256(Buffer.from('a hash that nobody can make'))
      const tree = f.tree([{ ...f.directory('again', []), tree: fake }])
      f.pack((index) => {
        const at = index.ids.indexOf(tree)
        index.ids.push(fake)
        index.places.push(index.places[at]!)
        return index
      })
      return f.snapshot(fake)
    })
    expect(answers).toMatchObject(REFUSED)
  })
})
