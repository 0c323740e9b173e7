import {
  existsSync,
  lstatSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { LAST_SEQUENCE } from '../../../src/providers/local/store/manifest.ts'
import type { PackIndex } from '../../../src/providers/local/store/pack-index.ts'
import { content } from '../../support/trees.ts'
import { type Forge, forge, sealIndex, sha256, varint } from './forge.ts'
import { DONE, endure, isStillGood, REFUSED, siege, survive } from './siege.ts'
import { context, native, workbench } from './support.ts'

describe('packs and indexes', () => {
  type Change = (index: PackIndex, pack: Buffer) => PackIndex | Buffer | undefined
  const each = (index: PackIndex, change: Partial<PackIndex['blocks'][number]>) =>
    ({ ...index, blocks: index.blocks.map((block) => ({ ...block, ...change })) }) as PackIndex
  const bomb =
    (claimed: number, real: number): Change =>
    (index, pack) => {
      const packed = brotliCompressSync(Buffer.alloc(real), { params: { 1: 1 } })
      packed.copy(pack, 4)
      return each(index, { offset: 4, stored: packed.length, size: claimed, codec: 1 })
    }
  const refused: [string, Change][] = [
    ['blocks beyond the pack', (index) => each(index, { offset: 2 ** 40 })],
    ['blocks longer than the pack', (index) => each(index, { stored: 2 ** 40 })],
    ['blocks larger than memory', (index) => each(index, { size: 2 ** 52, codec: 1 })],
    ['raw blocks that are shorter than they say', (index) => each(index, { stored: 1 })],
    ['an unknown codec', (index) => each(index, { codec: 255 })],
    ['zstd, which is reserved', (index) => each(index, { codec: 2 })],
    ['brotli that is none', (index) => each(index, { codec: 1 })],
    ['brotli that gives less than it says', bomb(1 << 20, 1 << 10)],
    ['brotli that gives far more than it says', bomb(1 << 10, 200 << 20)],
    ['objects swapped with each other', (index) => ({ ...index, places: index.places.toReversed() })],
    [
      'objects outside of their block',
      (index) => ({ ...index, places: index.places.map((place) => ({ ...place, offset: 2 ** 30 })) }),
    ],
    [
      'objects in blocks that are not there',
      (index) => ({ ...index, places: index.places.map((place) => ({ ...place, block: 2 ** 30 })) }),
    ],
    ['no bytes at all', () => Buffer.alloc(0)],
    ['a hash alone', () => sealIndex(Buffer.alloc(0))],
    [
      'more blocks than bytes',
      () => sealIndex(Buffer.concat([Buffer.from('SIX1\0'), varint(2 ** 52), varint(0)])),
    ],
    [
      'more objects than bytes',
      () => sealIndex(Buffer.concat([Buffer.from('SIX1\0'), varint(0), varint(2 ** 52)])),
    ],
    [
      'numbers that do not end',
      () => sealIndex(Buffer.concat([Buffer.from('SIX1\0'), Buffer.alloc(60, 0xff)])),
    ],
    ['another magic', () => sealIndex(Buffer.from('SIX9\0\0\0'))],
    ['a layout of later', () => sealIndex(Buffer.from('SIX1\x01\0\0'))],
  ]
  test.each(refused)('an index with %s: refused', async (_what, change) => {
    const { answers } = await survive((f) => {
      const tree = f.tree([f.file('a', 'some content that is no secret'), f.file('b', content(5000, 1))])
      f.pack(change)
      return f.snapshot(tree)
    })
    expect(answers).toMatchObject({ ...REFUSED, verify: 'done' })
  })

  test('an honest bomb costs its own size once, and no more', async () => {
    const size = 64 << 20
    const { answers } = await survive((f) => {
      const zeros = Buffer.alloc(size)
      const tree = f.tree([f.file('zeros', 'x', { size, content: sha256(zeros) })])
      f.pack((index, pack) => {
        const packed = brotliCompressSync(zeros, { params: { 1: 1 } })
        const block = index.blocks.push({ offset: 4, stored: packed.length, size, codec: 1 }) - 1
        packed.copy(pack, 4)
        return {
          ...index,
          ids: [...index.ids, sha256(zeros)],
          places: [...index.places, { block, offset: 0, length: size }],
        }
      })
      return f.snapshot(tree)
    })
    expect(answers.verify).toBe('done')
  })

  test('raw blocks that are far longer than they say are refused, and none of it stays in memory', async () => {
    const length = 150 << 20
    const { answers } = await survive((f, { box }) => {
      const sizes = [1, 2, 3, 4, 5, 6, 7, 8]
      const tree = f.tree(sizes.map((size) => f.file(`${size}`, Buffer.alloc(size))))
      f.pack((index) => {
        sizes.forEach((size, n) => {
          const at = index.ids.indexOf(sha256(Buffer.alloc(size)))
          const offset = 2 ** 20 + n * length
          index.places[at] = { block: index.blocks.length, offset: 0, length: size }
          index.blocks.push({ offset, stored: length, size, codec: 0 })
        })
        return index
      })
      // Takes no room on the disk.
      truncateSync(join(box.home, 'store/packs', `${'e'.repeat(32)}.pack`), 2 ** 20 + sizes.length * length)
      return f.snapshot(tree)
    })
    expect(answers).toMatchObject({ ...REFUSED, verify: 'done' })
  })

  test('blocks that overlap are read like any other', async () => {
    const { at, answers } = await survive((f) => {
      const tree = f.tree([f.file('a', 'some content')])
      f.pack((index, pack) => {
        const blocks = index.blocks.map(() => ({
          offset: 4,
          stored: pack.length - 4,
          size: pack.length - 4,
          codec: 0,
        }))
        const places = index.places.map((place) => ({
          ...place,
          offset: index.blocks[place.block]!.offset - 4,
        }))
        return { ...index, blocks, places }
      })
      return f.snapshot(tree)
    })
    expect(answers).toMatchObject(DONE)
    expect(readFileSync(join(at.copy, 'a'), 'utf8')).toBe('some content')
  })
})

describe('manifests whose id fits', () => {
  const json = (f: Forge, fields: Record<string, unknown> = {}) =>
    JSON.stringify(f.fields(f.tree([f.file('a', 'x')]), fields))
  const encoded = (path: string) => Buffer.from(path, 'latin1').toString('base64')
  const refused: [string, (f: Forge) => string][] = [
    ['nothing', () => ''],
    ['no JSON', () => '{"format":1,'],
    ['a list', () => '[]'],
    ['null', () => 'null'],
    ['100,000 lists in each other', () => '['.repeat(100_000)],
    ['a format of later', (f) => json(f, { format: 2 })],
    ['a field of nobody', (f) => json(f, { extra: 1 })],
    ['__proto__', (f) => json(f).replace('{', '{"__proto__":{"format":1},')],
    ['a tree that is no id', (f) => json(f, { tree: '../../../etc/passwd' })],
    ['a number beyond all', (f) => json(f).replace('"sequence":1000', '"sequence":1e400')],
    ['a negative size', (f) => json(f, { size: -1 })],
    ['a root that is relative', (f) => json(f, { root: encoded('etc') })],
    ['a root that is empty', (f) => json(f, { root: '' })],
    ['a root that leads up', (f) => json(f, { root: encoded('/tmp/../etc') })],
    ['a root with a NUL', (f) => json(f, { root: encoded('/tmp/\0') })],
    ['an owner that is none', (f) => json(f, { root_meta: { mode: 0, uid: 2 ** 33, gid: 0, mtime: '0' } })],
  ]
  test.each(refused)('%s: refused', async (_what, text) => {
    const { answers } = await survive((f) => {
      const bytes = text(f)
      f.pack()
      return f.manifest(bytes)
    })
    expect(answers).toMatchObject({
      list: 'done',
      get: 'CORRUPT',
      diff: 'CORRUPT',
      ...REFUSED,
      verify: 'done',
    })
  })

  test.each([
    ['outside', ''],
    ['outside, by way of the root', 'root/../outside'],
    ['outside, by way of what is not there', 'root/gone/../../outside/new'],
  ])('a root that lies %s is not served', async (_what, below) => {
    const at = await siege()
    const f = forge(at.box)
    const id = f.snapshot(f.tree([f.file('secret', 'overwritten')]), {
      root: encoded(below === '' ? '/etc' : `${at.box.dir}/${below}`),
    })
    const answers = await endure(at, id)
    for (const call of ['get', 'diff', 'new', 'in place'])
      expect(['NOT_FOUND', 'CORRUPT', 'POLICY_DENIED']).toContain(answers[call])
    await isStillGood(at)
  })

  test('keys that are there twice count once, and the id is of the bytes', async () => {
    const { answers } = await survive((f) => {
      const bytes = json(f).replace('{', `{"tree":"${'0'.repeat(64)}",`)
      f.pack()
      return f.manifest(bytes)
    })
    expect(answers).toMatchObject(DONE)
  })

  test('a number beyond the last one is refused, and keeps no other from being made', async () => {
    const at = await siege()
    const f = forge(at.box)
    f.snapshot(f.tree([f.file('a', 'x')]), { sequence: Number.MAX_SAFE_INTEGER })
    const { id } = await at.box.save()
    await at.box.restore(id, { mode: 'new', to: at.copy })
    await isStillGood(at)
  })

  test('the last number there is leaves the later ones in the order of their times, page by page', async () => {
    const time = { now: Date.parse('2030-01-01T00:00:00Z') }
    const box = workbench({ clock: () => time.now })
    const f = forge(box)
    const forged = f.snapshot(f.tree([f.file('a', 'x')]), { sequence: LAST_SEQUENCE })
    const ids = [forged]
    for (let n = 0; n < 6; n++) {
      time.now += 1000
      ids.unshift((await box.save()).id)
    }
    const listed: string[] = []
    for (let cursor: string | undefined, first = true; first || cursor; first = false) {
      const query = { include_auto: false, include_trashed: false, limit: 2, ...(cursor && { cursor }) }
      const { items, next } = await box.provider.list(query, context())
      listed.push(...items.map(native))
      cursor = next
    }
    expect(listed).toEqual(ids)
    expect((await box.provider.get(ids[0] as string, context())).parent_id).toBe(`local:${ids[1]}`)
  })
})

describe('details', () => {
  const cases: [string, string | object][] = [
    ['no JSON', '{'],
    ['another shape', { name: 1 }],
    ['a name that acts on a terminal', { name: '\x1b[2J\u202e\n', labels: {}, protected: false }],
    ['a name without end', { name: 'x'.repeat(1e6), labels: {}, protected: false }],
    ['labels of the prototype', '{"name":"x","labels":{"__proto__":"y"},"protected":false}'],
    ['dates that are none', { name: 'x', labels: {}, protected: false, expires_at: 'soon' }],
    [
      'a trash that it is not in',
      { name: 'x', labels: {}, protected: false, trashed: { at: 'x', until: 'y' } },
    ],
  ]
  test.each(cases)('%s cost no content', async (_what, details) => {
    const { answers } = await survive((f, { box }) => {
      const id = f.snapshot(f.tree([f.file('a', 'x')]))
      const text = typeof details === 'string' ? details : JSON.stringify(details)
      writeFileSync(join(box.home, 'store/details', `${id}.json`), text)
      return id
    })
    expect(answers).toMatchObject(DONE)
  })
})

describe('links under the names of what the store writes', () => {
  test.each(['outside/secret', 'outside/not there yet'])(
    'the time of the last pass, which leads to %s: it is replaced, and nothing is written where it led',
    async (name) => {
      const { box } = await siege()
      const [stamp, target] = [join(box.home, 'store/cache/gc'), join(box.dir, name)]
      const before = existsSync(target) ? readFileSync(target, 'utf8') : undefined
      if (before !== undefined) utimesSync(target, 1e9, 1e9)
      rmSync(stamp, { force: true })
      symlinkSync(target, stamp)
      const source = { kind: 'path', id: box.root, name: 'root' }
      const request = { source, name: 'saved', labels: {}, auto: false, protected: false }
      const provider = box.open()
      await provider.create(request, context())
      await expect.poll(() => lstatSync(stamp).isFile()).toBe(true)
      await provider.close?.()
      expect(existsSync(target) ? readFileSync(target, 'utf8') : undefined).toBe(before)
    },
  )
})
