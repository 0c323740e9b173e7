import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MalformedBytes } from '../../../../src/providers/local/bytes.ts'
import { createObjectStore } from '../../../../src/providers/local/store/objects.ts'
import { decodeIndex } from '../../../../src/providers/local/store/pack-index.ts'
import { checkOf, createSeal, PLACE, PLAIN } from '../../../../src/providers/local/store/seal.ts'
import { refusal, temporaryDirectory } from '../../../snapshots/world.ts'
import { content } from '../../../support/trees.ts'
import { damage, spoil } from '../arbitraries.ts'

const KEY = content(32, 1)
const SALT = content(32, 2)
const seal = createSeal(KEY, SALT)
const bytes = fc.uint8Array({ maxLength: 200 }).map((value) => Buffer.from(value))

describe('sealed bytes', () => {
  test('open to what they were, at their place', () => {
    fc.assert(
      fc.property(bytes, fc.string(), (plain, place) => {
        const sealed = seal.seal(plain, place)
        expect(sealed).toHaveLength(plain.length + 28)
        expect(seal.open(sealed, place)).toEqual(plain)
      }),
    )
  })

  test('are never the same twice', () => {
    const seen = new Set(Array.from({ length: 100 }, () => seal.seal(KEY, 'here').toString('hex')))
    expect(seen.size).toBe(100)
  })

  test('do not open with any damage', () => {
    fc.assert(
      fc.property(bytes, damage, (plain, what) => {
        const sealed = seal.seal(plain, 'here')
        const spoilt = spoil(sealed, what)
        fc.pre(!spoilt.equals(sealed))
        expect(() => seal.open(spoilt, 'here')).toThrow(MalformedBytes)
      }),
    )
  })

  test.each([
    ['at another place', createSeal(KEY, SALT), 'there'],
    ['with another key', createSeal(content(32, 3), SALT), 'here'],
    ['with another salt', createSeal(KEY, content(32, 3)), 'here'],
  ])('do not open %s', (_what, other, place) => {
    expect(() => other.open(seal.seal(KEY, 'here'), place)).toThrow(MalformedBytes)
  })

  test('have a place of their own each', () => {
    const id = 'a'.repeat(32)
    const places = [
      PLACE.block(id, 4),
      PLACE.block(id, 44),
      PLACE.block(`${id}4`, 4),
      ...[PLACE.index, PLACE.manifest, PLACE.details, PLACE.scan].map((place) => place(id)),
    ]
    expect(new Set(places).size).toBe(places.length)
  })
})

describe('ids', () => {
  test('are the SHA-256 where nothing is encrypted, and need the key where it is', () => {
    const sha = createHash('sha256').update(KEY).digest('hex')
    expect(PLAIN.id(KEY)).toBe(sha)
    expect(seal.id(KEY)).toMatch(/^[0-9a-f]{64}$/)
    const others = [sha, createSeal(SALT, SALT).id(KEY), createSeal(KEY, KEY).id(KEY)]
    expect(others).not.toContain(seal.id(KEY))
    expect(createSeal(KEY, SALT).id(KEY)).toBe(seal.id(KEY))
  })
})

test('a key, what names objects and what tells a wrong key have nothing in common', () => {
  const check = checkOf(KEY, SALT)
  expect(check).toMatch(/^[0-9a-f]{64}$/)
  expect(checkOf(content(32, 3), SALT)).not.toBe(check)
  expect(checkOf(KEY, content(32, 3))).not.toBe(check)
  // Who has the check has no key: what was sealed with it as one does not open.
  const forged = createSeal(Buffer.from(check, 'hex'), SALT)
  expect(() => seal.open(forged.seal(KEY, 'here'), 'here')).toThrow(MalformedBytes)
})

describe('a pack', () => {
  /** One block each, of the same length. */
  const objects = [content(140_000, 4), content(140_000, 5)] as const

  async function packed() {
    const directory = temporaryDirectory()
    const open = (by = seal) => createObjectStore(directory, { seal: by, notes: join(directory, 'damaged') })
    const writer = open().writer()
    const ids = objects.map((object) => writer.put(object, 'content').id) as [string, string]
    await writer.commit()
    const path = (end: string) =>
      join(directory, readdirSync(directory).find((name) => name.endsWith(end)) as string)
    const name = path('.pack').slice(directory.length + 1, -'.pack'.length)
    const { blocks } = decodeIndex(seal.open(readFileSync(path('.idx')), PLACE.index(name)))
    return {
      ids,
      name,
      blocks,
      pack: path('.pack'),
      fresh: open,
    }
  }

  test('is read by the next process', async () => {
    const { ids, fresh } = await packed()
    const store = fresh()
    for (const [n, id] of ids.entries()) expect((await store.read(id)).equals(objects[n]!)).toBe(true)
  })

  test('of which two blocks have changed places is damaged', async () => {
    const { ids, blocks, pack, fresh } = await packed()
    const [first, second] = blocks as [(typeof blocks)[0], (typeof blocks)[0]]
    expect(first.stored).toBe(second.stored)
    const before = readFileSync(pack)
    const after = Buffer.from(before)
    before.copy(after, second.offset, first.offset, first.offset + first.stored)
    before.copy(after, first.offset, second.offset, second.offset + second.stored)
    writeFileSync(pack, after)
    const store = fresh()
    for (const id of ids) await refusal(store.read(id), 'CORRUPT')
  })

  test('in which one bit is flipped loses that block only', async () => {
    const { ids, blocks, pack, fresh } = await packed()
    const spoilt = readFileSync(pack)
    const at = (blocks[0]?.offset ?? 0) + 1000
    spoilt[at] = (spoilt[at] as number) ^ 1
    writeFileSync(pack, spoilt)
    const store = fresh()
    await refusal(store.read(ids[0]), 'CORRUPT')
    expect((await store.read(ids[1])).equals(objects[1])).toBe(true)
  })

  test('that is opened with another key has nothing to give, and does no harm', async () => {
    const { ids, fresh } = await packed()
    const store = fresh(createSeal(content(32, 3), SALT))
    await refusal(store.read(ids[0]), 'CORRUPT')
    expect(store.damaged()).toHaveLength(1)
  })
})
