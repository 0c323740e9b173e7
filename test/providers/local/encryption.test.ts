import { createDecipheriv, createHash, createHmac } from 'node:crypto'
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliDecompressSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { createRegistry } from '../../../src/providers/index.ts'
import type { LocalOptions } from '../../../src/providers/local/index.ts'
import { decodeIndex } from '../../../src/providers/local/store/pack-index.ts'
import { refusal, silent, temporaryDirectory } from '../../snapshots/world.ts'
import { differences, digest, picture } from '../../support/oracle.ts'
import { content } from '../../support/trees.ts'
import { again, filesOf, filled, KEY, reopened, restore, SECRET, storeOf } from './encrypted.ts'
import { intercept } from './faults.ts'
import { context, native, type Workbench, workbench } from './support.ts'

const OTHER_KEY = content(32, 2)
const header = (box: Workbench) => join(storeOf(box), 'store.json')

describe('an encrypted store', () => {
  test('saves, compares, restores and undoes, also by another process', async () => {
    const { box, before, first, second } = await filled()
    const live = box.picture()
    const fresh = await reopened(box)
    const compared = await fresh.diff?.(
      { from: first.id, to: second.id, limit: 10, content: true },
      context(),
    )
    expect(compared?.changes.map(({ path, kind }) => [path, kind])).toEqual(
      expect.arrayContaining([
        ['a file with a name.txt', 'modified'],
        ['dir/more.txt', 'added'],
      ]),
    )
    const { safety_snapshot, verified } = await restore(fresh, first.id)
    expect(verified?.files).toBe(3)
    expect(differences(before, box.picture())).toEqual([])
    await restore(fresh, safety_snapshot as string)
    expect(differences(live, box.picture())).toEqual([])
  })

  test('keeps holes as holes', async () => {
    const { box, first } = await filled()
    const to = join(box.dir, 'copy')
    await restore(await reopened(box), first.id, { to })
    const path = join(to, 'dir/holes.bin')
    expect(readFileSync(path).equals(readFileSync(box.at('dir/holes.bin')))).toBe(true)
    expect(statSync(path).blocks * 512).toBeLessThan(100_000)
  })

  test('stores once what it has, also for another process', async () => {
    const { box } = await filled()
    const packs = filesOf(box, 'packs')
    const fresh = await reopened(box)
    const { receipt } = await fresh.create(again(box), context())
    expect(receipt?.bytes_captured).toBe(0)
    box.write('copy of the large one.bin', content(1_500_000, 4))
    expect((await fresh.create(again(box), context())).receipt?.bytes_captured).toBe(0)
    rmSync(join(storeOf(box), 'cache'), { recursive: true })
    expect((await (await reopened(box)).create(again(box), context())).receipt?.bytes_captured).toBe(0)
    expect(filesOf(box, 'packs').length).toBeLessThanOrEqual(packs.length + 2)
  })

  test('shows nothing of what it holds', async () => {
    const seen = async (options: Partial<LocalOptions>) => {
      const { box, first } = await filled(options)
      await box.provider.update?.(first.id, { labels: { colour: 'mauve' } }, context())
      await box.provider.close?.()
      const bytes = Buffer.concat([
        Buffer.from(filesOf(box).join('\n')),
        ...filesOf(box).map((path) => readFileSync(join(storeOf(box), path))),
      ])
      const root = Buffer.from(box.root)
      const signs = {
        content: SECRET.subarray(0, 64),
        'id of it': createHash('sha256').update(SECRET).digest(),
        'file name': 'a file with a name',
        'path of the source': root.subarray(0, root.length - (root.length % 3)).toString('base64'),
        'name of the snapshot': 'the name of it',
        label: 'mauve',
        'field of a manifest': '"root_meta"',
      }
      return Object.entries(signs).flatMap(([what, sign]) => (bytes.includes(sign) ? [what] : []))
    }
    // That they are found where nothing is encrypted says that the search is right.
    expect(await seen({ key: undefined as never })).toEqual([
      ...['content', 'id of it', 'file name', 'path of the source'],
      ...['name of the snapshot', 'label', 'field of a manifest'],
    ])
    expect(await seen({})).toEqual([])
  })

  test('is made by one of two that make it at once, and the other takes it as it is', async () => {
    const { box: first, other } = atOnce({ key: KEY }, { key: KEY })
    first.write('file', 'text')
    const { id } = await first.save()
    expect((await other().provider.get(id, context())).name).toBe('saved')
    expect(filesOf(first).filter((path) => path.startsWith('store.json'))).toEqual(['store.json'])
  })

  test('is not mixed with one that another makes at once without encryption', async () => {
    await refusal((async () => atOnce({ key: KEY }, {}))(), 'CONFLICT')
    await refusal((async () => atOnce({}, { key: KEY }))(), 'FORBIDDEN')
  })
})

/** While the first is about to make the header of the store, the other makes it. */
function atOnce(first: Partial<LocalOptions>, second: Partial<LocalOptions>) {
  const place = workbench()
  let inner: Workbench | undefined
  const open = (options: Partial<LocalOptions>) =>
    ({ ...place, provider: place.open({ ...options, home: join(place.dir, 'shared') }) }) as Workbench
  let busy = false
  intercept('renameSync', () => {
    if (busy) return
    busy = true
    inner = open(second)
  })
  const provider = open(first).provider
  const home = join(place.dir, 'shared')
  const save: Workbench['save'] = async () => {
    const result = await provider.create({ ...again(place), name: 'saved' }, context())
    return { ...result, id: native(result.snapshot) }
  }
  return { box: { ...place, home, provider, save }, other: () => inner as Workbench }
}

describe('a store is refused, and stays as it is,', () => {
  test.each([
    ['encrypted, without a key', { key: KEY }, {}, 'FORBIDDEN'],
    ['encrypted, with another key', { key: KEY }, { key: OTHER_KEY }, 'FORBIDDEN'],
    ['not encrypted, with a key', {}, { key: KEY }, 'CONFLICT'],
  ] as const)('%s', async (_what, made, given, code) => {
    const box = workbench()
    const home = join(box.dir, 'other')
    const store = join(home, 'store')
    const maker = box.open({ home, ...made })
    box.write('file', 'text')
    const { snapshot } = await maker.create(again(box), context())
    await maker.close?.()
    const before = digest(picture(store))
    const { message, hint } = await refusal((async () => box.open({ home, ...given }))(), code)
    expect(message).toContain('Nothing was changed')
    expect(hint).toContain('operator')
    expect(digest(picture(store))).toBe(before)
    const whole = box.open({ home, ...made })
    expect((await whole.get(native(snapshot), context())).state).toBe('ready')
  })

  test('when its salt is lost: nothing is made up in its place', async () => {
    const { box } = await filled()
    rmSync(header(box))
    await refusal(reopened(box), 'CORRUPT')
    expect(filesOf(box)).not.toContain('store.json')
  })

  test.each([
    ['the salt', /("salt":")(.)/, 'FORBIDDEN'],
    ['the check', /("check":")(.)/, 'FORBIDDEN'],
    ['the cipher', /(aes-25)(.)/, 'UNSUPPORTED'],
  ] as const)('when %s was altered', async (_what, where, code) => {
    const { box } = await filled()
    const text = readFileSync(header(box), 'utf8')
    writeFileSync(
      header(box),
      text.replace(where, (_, before, digit) => before + (digit === '0' ? '1' : '0')),
    )
    await refusal(reopened(box), code)
  })
})

test('a reader that knows only docs/store-format.md opens every file', async () => {
  const { box, first, second } = await filled()
  await box.provider.close?.()
  const { salt } = JSON.parse(readFileSync(header(box), 'utf8'))
  const hmac = (key: Buffer, ...parts: (Buffer | string)[]) =>
    parts.reduce((state, part) => state.update(part), createHmac('sha256', key)).digest()
  // RFC 5869 for one block of output.
  const derive = (info: string) => hmac(hmac(Buffer.from(salt, 'hex'), KEY), info, Buffer.of(1))
  const [data, ids] = [derive('snapshot-mcp 1 data'), derive('snapshot-mcp 1 ids')]
  const open = (sealed: Buffer, place: string) => {
    const cipher = createDecipheriv('aes-256-gcm', data, sealed.subarray(0, 12))
    cipher.setAAD(Buffer.from(place, 'ascii')).setAuthTag(sealed.subarray(-16))
    return Buffer.concat([cipher.update(sealed.subarray(12, -16)), cipher.final()])
  }
  const opened: Record<string, Buffer> = {}
  for (const path of filesOf(box)) {
    const [, folder = '', name = ''] = /^(\w+)\/(\w+)\.(json|idx|scan)$/.exec(path) ?? []
    const kind = { snapshots: 'manifest', details: 'details', packs: 'index', cache: 'scan' }[folder]
    if (kind) opened[path] = open(readFileSync(join(storeOf(box), path)), `${kind} ${name}`)
  }
  for (const { id } of [first, second]) {
    const manifest = opened[`snapshots/${id}.json`] as Buffer
    expect(hmac(ids, manifest).toString('hex').slice(0, 32)).toBe(id)
    expect(JSON.parse(manifest.toString())).toMatchObject({ format: 1 })
    expect(JSON.parse(String(opened[`details/${id}.json`]))).toHaveProperty('name')
  }
  let objects = 0
  for (const [path, index] of Object.entries(opened).filter(([path]) => path.startsWith('packs/'))) {
    const pack = readFileSync(join(storeOf(box), path.replace(/idx$/, 'pack')))
    const { blocks, places, ids: held } = decodeIndex(index)
    const inflated = blocks.map(({ offset, stored, codec }) => {
      const name = path.slice('packs/'.length, -'.idx'.length)
      const bytes = open(pack.subarray(offset, offset + stored), `block ${name} ${offset}`)
      return codec === 1 ? brotliDecompressSync(bytes) : bytes
    })
    for (const [n, { block, offset, length }] of places.entries()) {
      const bytes = (inflated[block] as Buffer).subarray(offset, offset + length)
      expect(hmac(ids, bytes).toString('hex')).toBe(held[n])
      objects++
    }
  }
  expect(objects).toBeGreaterThan(8)
  expect(Object.keys(opened).some((path) => path.endsWith('.scan'))).toBe(true)
})

test('the key is asked for when the store is first needed, and again after it could not be had', async () => {
  const directory = temporaryDirectory()
  const path = join(directory, 'key')
  const registry = createRegistry(['local'], {
    home: join(directory, 'home'),
    roots: [directory],
    encrypt: { file: path },
    trashWindowMs: 1000,
    expirable: (due) => due,
    specialModes: 'keep',
    accounts: {},
    safetySnapshots: true,
    clock: Date.now,
    log: silent,
  })
  await refusal(registry.get('local'), 'FORBIDDEN')
  writeFileSync(path, KEY.toString('hex'), { mode: 0o600 })
  const provider = await registry.get('local')
  const text = readFileSync(join(directory, 'home/store/store.json'), 'utf8')
  expect(JSON.parse(text)).toMatchObject({ format: 1, encryption: 'aes-256-gcm' })
  expect(text).not.toContain(KEY.toString('hex'))
  await provider.close?.()
})
