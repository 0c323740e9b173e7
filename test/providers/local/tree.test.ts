import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createWriter, MalformedBytes, type Writer } from '../../../src/providers/local/bytes.ts'
import { isEntryName } from '../../../src/providers/local/names.ts'
import { decodeTree, type Entry, encodeTree, sameTime } from '../../../src/providers/local/tree.ts'
import { damage, entries, spoil } from './arbitraries.ts'

/** `encodeTree` gives a view of a buffer it uses again. */
const encode = (all: readonly Entry[]) => Buffer.from(encodeTree(all))

/** Decodes or refuses; anything else that is thrown fails the test. */
function decodeOrRefuse(bytes: Buffer): Entry[] | undefined {
  try {
    return decodeTree(bytes)
  } catch (error) {
    expect(error).toBeInstanceOf(MalformedBytes)
    return undefined
  }
}

/** What nobody may be handed, whatever the bytes were. */
function expectSafe(all: Entry[]): void {
  const names = all.map(({ name }) => name)
  expect(names.every(isEntryName)).toBe(true)
  expect(names).toEqual([...new Set(names)].sort())
}

test('any directory survives being written and read', () => {
  fc.assert(
    fc.property(entries, (all) => {
      expect(decodeTree(encode(all))).toEqual(all)
    }),
  )
})

test('equal directories have equal bytes, different ones do not', () => {
  fc.assert(
    fc.property(entries, entries, (one, other) => {
      const same = encode(one).equals(encode(other))
      expect(same).toBe(encode(decodeTree(encode(one))).equals(encode(other)))
      if (same) expect(one).toEqual(other)
    }),
  )
})

test('damaged bytes are refused, or are at least a safe directory', () => {
  fc.assert(
    fc.property(entries, damage, (all, what) => {
      const read = decodeOrRefuse(spoil(encode(all), what))
      if (read) expectSafe(read)
    }),
    { numRuns: 3000 },
  )
})

test('random bytes are refused, or are at least a safe directory', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, withMagic) => {
      const read = decodeOrRefuse(Buffer.concat([Buffer.from(withMagic ? 'STR1' : ''), bytes]))
      if (read) expectSafe(read)
    }),
    { numRuns: 3000 },
  )
})

describe('hostile bytes', () => {
  const tree = (count: number, fill: (writer: Writer) => void = () => {}) => {
    const writer = createWriter()
    writer.raw(Buffer.from('STR1'))
    writer.varint(count)
    fill(writer)
    return Buffer.from(writer.view())
  }
  /** The smallest entry there is: something skipped. */
  const named = (...names: string[]) =>
    tree(names.length, (writer) => {
      for (const name of names) {
        writer.u8(4)
        writer.bytes(name)
        writer.u8(0)
      }
    })

  test('the smallest tree of two names is read: the tests below differ from it in one thing', () => {
    expect(decodeTree(named('a', 'b')).map(({ name }) => name)).toEqual(['a', 'b'])
  })

  test.each([
    ['the parent', named('..')],
    ['the directory itself', named('.')],
    ['an empty name', named('')],
    ['a path', named('a/b')],
    ['an absolute path', named('/etc')],
    ['a NUL', named('a\0')],
    ['a name of 256 bytes', named('x'.repeat(256))],
    ['the same name twice', named('a', 'a')],
    ['names out of order', named('b', 'a')],
    ['more entries than there are', tree(2)],
    ['a count beyond all memory', tree(Number.MAX_SAFE_INTEGER)],
    ['bytes after the end', Buffer.concat([named('a'), Buffer.from([0])])],
    ['another magic', Buffer.from('STR2\0')],
    ['nothing', Buffer.alloc(0)],
    ['half a magic', Buffer.from('ST')],
    ['a magic and no count', Buffer.from('STR1')],
    ['an unknown kind', Buffer.concat([tree(1), Buffer.from([9, 1, 97]), Buffer.alloc(80)])],
    ['an unknown reason', Buffer.concat([tree(1), Buffer.from([4, 1, 97, 200])])],
    [
      'a count that is no number',
      Buffer.concat([Buffer.from('STR1'), Buffer.alloc(200, 0x80), Buffer.from([0])]),
    ],
  ])('%s is refused', (_what, bytes) => {
    expect(() => decodeTree(bytes)).toThrow(MalformedBytes)
  })

  test('a mode beyond the permission bits is refused', () => {
    const entry: Entry = {
      type: 'directory',
      name: 'a',
      mode: 0o10000,
      uid: 0,
      gid: 0,
      mtime: 0n,
      tree: '0'.repeat(64),
    }
    expect(() => decodeTree(encode([entry]))).toThrow(MalformedBytes)
  })
})

test('times that Node cannot tell apart count as equal, others do not', () => {
  const now = 1_760_000_000_123_456_789n
  expect(sameTime(now, now)).toBe(true)
  expect(sameTime(now, now + 1000n)).toBe(true)
  expect(sameTime(now, now - 1000n)).toBe(true)
  expect(sameTime(now, now + 1001n)).toBe(false)
  expect(sameTime(now, now - 1001n)).toBe(false)
  const year3000 = 32_503_680_000_000_000_000n
  expect(sameTime(year3000, year3000 + 4000n)).toBe(true)
  expect(sameTime(year3000, year3000 + 4001n)).toBe(false)
})
