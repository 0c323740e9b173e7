import { copyFileSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { decodeIndex } from '../../../src/providers/local/store/pack-index.ts'
import { openStore } from '../../../src/providers/local/store/store.ts'
import { verifyStore } from '../../../src/providers/local/verify-store.ts'
import type { Provider } from '../../../src/snapshots/provider.ts'
import type { VerifyResult } from '../../../src/snapshots/upkeep.ts'
import { refusal } from '../../snapshots/world.ts'
import { differences, picture } from '../../support/oracle.ts'
import { content } from '../../support/trees.ts'
import { intercept } from './faults.ts'
import { flip, packOf, storeFiles } from './store-files.ts'
import { context, type Workbench, workbench } from './support.ts'

/** Content that does not compress, so that it is found in its pack as it is; more than a block each. */
const [A, B] = [content(200_000, 1), content(200_000, 2)]
const LARGE = content(1_500_000, 3)

interface Saved {
  box: Workbench
  first: string
  second: string
}

/** Two snapshots: `a` and `dir/large` are in both, `dir/b` only in the first, `c` only in the second. */
async function saved(): Promise<Saved> {
  const box = workbench()
  box.write('a', A)
  box.write('dir/b', B)
  box.write('dir/large', LARGE)
  const { id: first } = await box.save({ name: 'one' })
  rmSync(box.at('dir/b'))
  box.write('c', 'of the second')
  const { id: second } = await box.save({ name: 'two' })
  await box.provider.close?.()
  return { box, first, second }
}

const verify = (provider: Provider, sample?: number): Promise<VerifyResult> =>
  provider.verify!(sample === undefined ? {} : { sample }, context())

const one = ({ first }: Saved) => ({ id: `local:${first}`, name: 'one' })
const two = ({ second }: Saved) => ({ id: `local:${second}`, name: 'two' })

test('a sound store is read whole, and nothing in it changes', async () => {
  const { box } = await saved()
  const store = picture(join(box.home, 'store'))
  const { checked, ...found } = await verify(box.open())
  expect(found).toEqual({ damaged: [], affected: [] })
  expect(checked).toMatchObject({ snapshots: 2, packs: 2 })
  // a, b, c, six chunks and their list, two directories in two states.
  expect(checked.objects).toBe(3 + 6 + 1 + 4)
  expect(checked.bytes).toBeGreaterThan(A.length + B.length + LARGE.length)
  expect(differences(store, picture(join(box.home, 'store')))).toEqual([])
})

describe('damage is found, with the snapshots and paths it touches', () => {
  test('of a content that both have, of one that the first has, and of a chunk', async () => {
    const all = await saved()
    for (const bytes of [A, B, LARGE.subarray(512 * 1024)]) flip(all.box, bytes)
    const { damaged, affected } = await verify(all.box.open())
    const found = damaged.map(({ what, snapshots, paths }) => [what, paths, snapshots])
    expect(found).toHaveLength(3)
    expect(found).toEqual(
      expect.arrayContaining([
        ['content', [{ path: 'a' }], [two(all), one(all)]],
        ['content', [{ path: 'dir/b' }], [one(all)]],
        ['content', [{ path: 'dir/large' }], [two(all), one(all)]],
      ]),
    )
    expect(affected).toEqual([two(all), one(all)])
  })

  test('of a directory: it is named, and what else there is to find still is', async () => {
    const all = await saved()
    flip(all.box, A)
    spoilTrees(all.box, all.first)
    const { damaged } = await verify(all.box.open())
    const directories = damaged.filter(({ what }) => what === 'directory')
    expect(directories.map(({ snapshots }) => snapshots)).toContainEqual([one(all)])
    expect(damaged).toContainEqual(
      expect.objectContaining({ what: 'content', snapshots: [two(all)], paths: [{ path: 'a' }] }),
    )
  })

  test.each([
    ['a pack', (path: string) => rmSync(path)],
    ['the end of a pack', (path: string) => truncateSync(path, 1000)],
    ['an index', (path: string) => rmSync(path.replace(/pack$/, 'idx'))],
    ['the end of an index', (path: string) => truncateSync(path.replace(/pack$/, 'idx'), 100)],
  ])('of %s that is gone', async (_what, spoil) => {
    const all = await saved()
    spoil(packOf(all.box, B))
    const { damaged, affected } = await verify(all.box.open())
    expect(affected).toEqual([two(all), one(all)])
    expect(damaged).toContainEqual(
      expect.objectContaining({ what: 'content', paths: [{ path: 'a' }], snapshots: [two(all)] }),
    )
  })

  test('of a manifest, and of details', async () => {
    const all = await saved()
    const { box, first, second } = all
    writeFileSync(join(box.home, 'store/snapshots', `${first}.json`), '{}')
    writeFileSync(join(box.home, 'store/details', `${second}.json`), '{"name":')
    const { checked, damaged } = await verify(box.open())
    expect(checked.snapshots).toBe(1)
    const ref = (id: string) => ({ id: `local:${id}`, name: id.slice(0, 12) })
    expect(damaged).toEqual([
      { what: 'manifest', id: first, snapshots: [ref(first)] },
      { what: 'details', id: second, snapshots: [ref(second)] },
    ])
  })

  test('of a manifest that this process has read before', async () => {
    const box = workbench()
    const { id } = await box.save()
    writeFileSync(join(box.home, 'store/snapshots', `${id}.json`), '{}')
    expect((await verify(box.provider)).damaged).toMatchObject([{ what: 'manifest', id }])
  })

  test('of a block that this process has in its memory', async () => {
    const box = workbench()
    box.write('a', A)
    const { id } = await box.save()
    await box.restore(id, { mode: 'new', to: join(box.dir, 'copy') })
    flip(box, A)
    expect((await verify(box.provider)).damaged).toMatchObject([{ what: 'content', paths: [{ path: 'a' }] }])
  })

  test('of what no snapshot needs any more', async () => {
    const { box, first, second } = await saved()
    flip(box, B)
    for (const id of [first, second]) rmSync(join(box.home, 'store/snapshots', `${id}.json`))
    const { damaged, affected } = await verify(box.open())
    expect(damaged).toMatchObject([{ what: 'unused object', snapshots: [] }])
    expect(affected).toEqual([])
  })

  test('of snapshots of other directories, and of those in the trash', async () => {
    const all = await saved()
    const { box, first } = all
    const provider = box.open()
    await provider.delete(await provider.planDelete([first], context()), context())
    await provider.close?.()
    flip(box, B)
    mkdirSync(join(box.dir, 'elsewhere'))
    const { damaged } = await verify(box.open({ roots: [join(box.dir, 'elsewhere')] }))
    expect(damaged).toMatchObject([{ snapshots: [one(all)], paths: [{ path: 'dir/b' }] }])
  })
})

test('an object that is there twice is not lost with one of its copies', async () => {
  const box = workbench()
  box.write('a', A)
  await box.save()
  // As two processes leave it that store the same bytes at the same time.
  for (const path of storeFiles(box, 'packs'))
    copyFileSync(path, path.replace(/[0-9a-f]{32}(?=\.)/, 'f'.repeat(32)))
  flip(box, A)
  expect((await verify(box.open())).damaged).toEqual([])
})

describe('a sample', () => {
  test('reads a share of the blocks, and always what the snapshots hang from', async () => {
    const { box } = await saved()
    flip(box, B)
    const store = openStore(box.home, {})
    const rolls = (share: number) => {
      let n = 0
      return verifyStore({ store }, { sample: share }, context(), () => (n++ % 10) / 10)
    }
    const tenth = await rolls(0.1)
    expect(tenth).toMatchObject({ sampled: 0.1, checked: { snapshots: 2 } })
    const whole = await verifyStore({ store }, {}, context())
    expect(whole.sampled).toBeUndefined()
    expect(tenth.checked.bytes).toBeGreaterThan(0)
    expect(tenth.checked.bytes).toBeLessThan(whole.checked.bytes / 4)
    expect(whole.damaged).toHaveLength(1)
    store.close()
  })

  test('of next to nothing still finds a damaged directory', async () => {
    const all = await saved()
    spoilTrees(all.box, all.second)
    const { damaged, checked } = await verify(all.box.open(), 1e-9)
    expect(checked.objects).toBe(0)
    expect(damaged.map(({ what }) => what)).toContain('directory')
  })
})

describe.each([
  ['by the process that found it', (provider: Provider) => provider],
  ['by another one, as after a command', (_: Provider, box: Workbench) => box.open()],
])('what was damaged is stored again by the next create, %s', (_who, next) => {
  test.each([
    ['a file', 'a', A],
    ['a chunk', 'dir/large', LARGE.subarray(256 * 1024)],
  ])('%s', async (_what, path, bytes) => {
    const { box, second } = await saved()
    const before = box.picture()
    // A create of its own: so the scan that the next one starts from says that everything is stored.
    const server = box.open()
    await server.create(again(box), context())
    flip(box, bytes)
    const finder = box.open()
    expect((await verify(finder)).damaged).toMatchObject([{ paths: [{ path }] }])
    await finder.close?.()

    const healer = next(finder, box)
    await healer.create(again(box), context())
    expect((await verify(healer)).damaged).toEqual([])
    const to = join(box.dir, 'copy')
    const request = { snapshot: second, mode: 'new' as const, to, count: 1 }
    await healer.restore(await healer.planRestore(request, context()), context())
    expect(differences(before, picture(to))).toEqual([])
    // Stored again once: whoever comes next finds it there.
    expect((await server.create(again(box), context())).receipt?.bytes_captured).toBe(0)
    expect((await box.open().create(again(box), context())).receipt?.bytes_captured).toBe(0)
  })
})

test('a server that is at work hears of what a command found', async () => {
  const { box } = await saved()
  const server = box.open()
  await server.create(again(box), context())
  flip(box, A)
  await verify(box.open())
  expect((await server.create(again(box), context())).receipt?.bytes_captured).toBe(A.length)
  expect((await verify(box.open())).damaged).toEqual([])
})

test('what was only thought damaged is read, and once it was found sound it is not stored again', async () => {
  const { box, first } = await saved()
  const pack = packOf(box, B)
  const bytes = readFileSync(pack)
  flip(box, A)
  await verify(box.open())
  writeFileSync(pack, bytes)
  const provider = box.open()
  const request = { snapshot: first, mode: 'new' as const, to: join(box.dir, 'copy'), count: 1 }
  await provider.restore(await provider.planRestore(request, context()), context())
  await verify(box.open())
  expect((await provider.create(again(box), context())).receipt?.bytes_captured).toBe(0)
})

test('a list of what is damaged that makes no sense costs nothing', async () => {
  const { box } = await saved()
  writeFileSync(
    join(box.home, 'store/cache/damaged'),
    `${'x '.repeat(100)}\n\n../../packs ${'0'.repeat(64)}\n`,
  )
  const { checked, ...found } = await verify(box.open())
  expect(found).toEqual({ damaged: [], affected: [] })
})

test('damage of very many files is found without reading the indexes again for each', async () => {
  const box = workbench()
  for (let n = 0; n < 2000; n++) box.write(`file-${n}`, `the text of file ${n}`)
  await box.save()
  await box.provider.close?.()
  for (const path of storeFiles(box, 'packs').filter((each) => each.endsWith('.pack')))
    writeFileSync(path, Buffer.alloc(readFileSync(path).length))
  let listings = 0
  intercept('readdirSync', (path) => {
    if (path.endsWith('store/packs')) listings++
  })
  const { damaged, omitted = 0 } = await verify(box.open())
  expect(damaged.length + omitted).toBeGreaterThan(2000)
  expect(listings).toBeLessThan(20)
})

test('it tells how far it is, and can be cancelled', async () => {
  const box = workbench()
  for (let n = 0; n < 20; n++) box.write(`file-${n}`, content(1_000_000, n))
  await box.save()
  // A quick machine reads all of it within one slice: here every look at the clock is a second later.
  let now = 0
  vi.spyOn(performance, 'now').mockImplementation(() => (now += 1000))
  onTestFinished(() => void vi.restoreAllMocks())
  const told: number[] = []
  const stop = new AbortController()
  const progress = (done: number) => {
    told.push(done)
    stop.abort()
  }
  await refusal(box.open().verify!({}, context({ signal: stop.signal, progress })), 'CANCELLED')
  expect(told).toHaveLength(1)
})

const again = (box: Workbench) => ({
  source: { kind: 'path', id: box.root, name: 'root' },
  ...{ name: 'again', labels: {}, auto: false, protected: false },
})

/** Wipes the block that holds the top directory of a snapshot. */
function spoilTrees(box: Workbench, id: string): void {
  const { tree } = JSON.parse(readFileSync(join(box.home, 'store/snapshots', `${id}.json`), 'utf8'))
  for (const path of storeFiles(box, 'packs').filter((path) => path.endsWith('.idx'))) {
    const { blocks, ids, places } = decodeIndex(readFileSync(path))
    const at = ids.indexOf(tree)
    if (at < 0) continue
    const block = blocks[places[at]!.block]!
    const pack = path.replace(/idx$/, 'pack')
    const bytes = readFileSync(pack)
    writeFileSync(pack, bytes.fill(0, block.offset, block.offset + block.stored))
    return
  }
  throw new Error('the tree was not found')
}
