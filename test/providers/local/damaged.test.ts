import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { Provider } from '../../../src/snapshots/provider.ts'
import { refusal } from '../../snapshots/world.ts'
import { differences, digest, type Picture, picture } from '../../support/oracle.ts'
import { content } from '../../support/trees.ts'
import { context, type Workbench, workbench } from './support.ts'

/** Content that does not compress, so that it is found in its pack as it is; more than a block each. */
const DATA = Object.fromEntries(['a.bin', 'b.bin', 'dir/c.bin'].map((path, n) => [path, content(200_000, n)]))
const LARGE = content(1_500_000, 9)

interface Damaged {
  box: Workbench
  /** Another process: nothing of the store is in its memory. */
  fresh: Provider
  first: string
  second: string
  before: Picture
}

/** Two snapshots of two states, the second of which shares nothing but `a.bin`; then `spoil` gets at the store. */
async function damaged(spoil: (box: Workbench, ids: [string, string]) => void): Promise<Damaged> {
  const box = workbench()
  for (const [path, data] of Object.entries(DATA)) box.write(path, data)
  box.write('large.bin', LARGE)
  const before = box.picture()
  const { id: first } = await box.save()
  for (const path of ['b.bin', 'dir/c.bin', 'large.bin']) box.write(path, `the second state of ${path}`)
  const { id: second } = await box.save()
  await box.provider.close?.()
  spoil(box, [first, second])
  return { box, fresh: box.open(), first, second, before }
}

const packs = (box: Workbench) =>
  readdirSync(join(box.home, 'store/packs')).map((name) => join(box.home, 'store/packs', name))

/** Flips one bit of these stored bytes. */
function flip(box: Workbench, bytes: Buffer): void {
  for (const path of packs(box)) {
    const pack = readFileSync(path)
    const at = pack.indexOf(bytes.subarray(0, 64))
    if (at < 0) continue
    pack[at + 32] = (pack[at + 32] as number) ^ 1
    writeFileSync(path, pack)
    return
  }
  throw new Error('the stored bytes were not found')
}

async function restore(provider: Provider, snapshot: string, fields: { paths?: string[]; to?: string } = {}) {
  const mode = fields.to === undefined ? ('in_place' as const) : ('new' as const)
  const plan = await provider.planRestore({ snapshot, mode, count: 1, ...fields }, context())
  return provider.restore(plan, context())
}

describe('one damaged byte', () => {
  test('of a file: CORRUPT names it, nothing changes, everything else is still there', async () => {
    const { box, fresh, first, second, before } = await damaged((box) => flip(box, DATA['b.bin'] as Buffer))
    const live = digest(box.picture())
    const problem = await refusal(restore(fresh, first), 'CORRUPT')
    expect(problem.message).toContain('b.bin')
    expect(problem.details).toEqual({ damaged: ['b.bin'] })
    expect(problem.outcome).toBe('not_started')
    expect(digest(box.picture())).toBe(live)

    await restore(fresh, first, { paths: ['dir', 'large.bin'] })
    const except = (path: string) => path === '' || path === 'b.bin'
    expect(differences(before, box.picture(), { except })).toEqual([])
    await restore(fresh, second)
    expect(digest(box.picture())).toBe(live)
  })

  test('of several files: all of them are named at once', async () => {
    const { fresh, first } = await damaged((box) => {
      flip(box, DATA['b.bin'] as Buffer)
      flip(box, DATA['dir/c.bin'] as Buffer)
      flip(box, LARGE.subarray(512 * 1024))
    })
    const { details } = await refusal(restore(fresh, first), 'CORRUPT')
    expect(details).toEqual({ damaged: ['b.bin', 'dir/c.bin', 'large.bin'] })
  })

  test('of a file, and a copy leaves nothing behind', async () => {
    const { box, fresh, first } = await damaged((box) => flip(box, LARGE))
    const before = readdirSync(box.dir)
    await refusal(restore(fresh, first, { to: join(box.dir, 'copy') }), 'CORRUPT')
    expect(readdirSync(box.dir)).toEqual(before)
  })

  test('of a file that is wanted back where the source is gone: it is not made again', async () => {
    const { box, fresh, first } = await damaged((box) => flip(box, LARGE))
    rmSync(box.root, { recursive: true })
    await refusal(restore(fresh, first), 'CORRUPT')
    expect(readdirSync(box.dir)).not.toContain('root')
  })

  test.each([
    ['a small file', 'b.bin', () => DATA['b.bin'] as Buffer],
    ['a chunk of a large one', 'large.bin', () => LARGE.subarray(256 * 1024)],
  ] as const)('of %s: once it was noticed, the next snapshot stores it again', async (_what, path, bytes) => {
    const { box, fresh, first } = await damaged((box) => flip(box, bytes()))
    box.write(path, path === 'b.bin' ? (DATA['b.bin'] as Buffer) : LARGE)
    const again = async () => {
      const source = { kind: 'path', id: box.root, name: 'root' }
      const request = { source, name: 'again', labels: {}, auto: false, protected: false }
      return (await fresh.create(request, context())).snapshot.id.slice('local:'.length)
    }
    await again()
    await refusal(restore(fresh, first, { to: join(box.dir, 'copy') }), 'CORRUPT')
    await restore(fresh, await again(), { to: join(box.dir, 'copy') })
    const restored = readFileSync(join(box.dir, 'copy', path))
    expect(restored.equals(readFileSync(box.at(path)))).toBe(true)
  })
})

describe('what is missing', () => {
  const firstPack = (box: Workbench, end: string) => {
    const has = (path: string) => readFileSync(path).includes((DATA['b.bin'] as Buffer).subarray(0, 64))
    const pack = packs(box).find((path) => path.endsWith('.pack') && has(path)) as string
    return pack.replace(/pack$/, end)
  }

  test.each([
    ['a pack', (box: Workbench) => rmSync(firstPack(box, 'pack'))],
    ['an index', (box: Workbench) => rmSync(firstPack(box, 'idx'))],
    ['the end of a pack', (box: Workbench) => truncateSync(firstPack(box, 'pack'), 1000)],
    ['the end of an index', (box: Workbench) => truncateSync(firstPack(box, 'idx'), 100)],
  ])('%s: CORRUPT, nothing changes, and new snapshots are whole', async (_what, spoil) => {
    const { box, fresh, first } = await damaged(spoil)
    const live = box.picture()
    const { message } = await refusal(restore(fresh, first), 'CORRUPT')
    expect(message).not.toContain(box.home)
    expect(digest(box.picture())).toBe(digest(live))
    const { items } = await fresh.list({ include_auto: false, include_trashed: false, limit: 10 }, context())
    expect(items).toHaveLength(2)

    box.write('a.bin', 'nothing of it was in the store')
    const want = box.picture()
    const source = { kind: 'path', id: box.root, name: 'root' }
    const request = { source, name: 'whole', labels: {}, auto: false, protected: false }
    const { snapshot } = await fresh.create(request, context())
    box.write('a.bin', 'broken')
    await restore(fresh, snapshot.id.slice('local:'.length))
    expect(differences(want, box.picture())).toEqual([])
  })

  test('a pack shows in the health', async () => {
    const { fresh } = await damaged((box) => rmSync(firstPack(box, 'pack')))
    expect(await fresh.health(context())).toMatchObject({ healthy: false, error: { code: 'CORRUPT' } })
  })
})

describe('a manifest that was edited', () => {
  const manifest = (box: Workbench, id: string) => join(box.home, 'store/snapshots', `${id}.json`)
  const spoils: [string, (text: string) => string][] = [
    [
      'to name another directory',
      (text) => text.replace(/"root":"[^"]+"/, `"root":"${Buffer.from('/etc').toString('base64')}"`),
    ],
    ['in one letter of a hash', (text) => text.replace(/"tree":"./, '"tree":"g')],
    ['to be empty', () => ''],
    ['to be no JSON', (text) => text.slice(0, -20)],
    ['by one byte that means nothing', (text) => `${text} `],
  ]

  test.each(spoils)('%s is refused, listed as failed, and disturbs no other', async (_what, edit) => {
    const { box, fresh, first, second } = await damaged((box, [first]) => {
      const path = manifest(box, first)
      writeFileSync(path, edit(readFileSync(path, 'utf8')))
    })
    const live = digest(box.picture())
    await refusal(fresh.get(first, context()), 'CORRUPT')
    await refusal(restore(fresh, first), 'CORRUPT')
    await refusal(fresh.planDelete([second, first], context()), 'CORRUPT')
    expect(digest(box.picture())).toBe(live)
    const { items } = await fresh.list({ include_auto: false, include_trashed: false, limit: 10 }, context())
    expect(items.map(({ id, state, error }) => [id, state, error?.code])).toEqual([
      [`local:${second}`, 'ready', undefined],
      [`local:${first}`, 'failed', 'CORRUPT'],
    ])
    box.write('b.bin', 'broken')
    await restore(fresh, second)
    expect(digest(box.picture())).toBe(live)
  })

  test('that took the name of another is refused too', async () => {
    const { fresh, first } = await damaged((box, [first, second]) =>
      writeFileSync(manifest(box, first), readFileSync(manifest(box, second))),
    )
    await refusal(fresh.get(first, context()), 'CORRUPT')
  })

  test('details that cannot be read cost the name, not the content, and protect it', async () => {
    const { box, fresh, first, before } = await damaged((box, [first]) =>
      writeFileSync(join(box.home, 'store/details', `${first}.json`), '{"name":'),
    )
    expect(await fresh.get(first, context())).toMatchObject({ state: 'ready', protected: true })
    await refusal(fresh.planDelete([first], context()), 'PROTECTED')
    await restore(fresh, first)
    expect(differences(before, box.picture())).toEqual([])
  })
})

test('what rotted in an old pack is read again before a restore replaces the last good copy', async () => {
  const box = workbench()
  const good = content(50_000, 1)
  box.write('file', good)
  await box.save()
  box.write('file', 'another state')
  const { id } = await box.save()
  box.write('file', good)
  const before = box.picture()
  await box.provider.close?.()
  flip(box, good)
  const fresh = box.open()
  const { safety_snapshot } = await restore(fresh, id)
  expect(box.read('file')).toBe('another state')
  await restore(fresh, safety_snapshot as string)
  expect(differences(before, box.picture())).toEqual([])
})

test('a damaged chunk of a large file is named by the plan, and heals with the next create', async () => {
  const box = workbench()
  box.write('large.bin', LARGE)
  // Old enough for the create to trust what it remembers of the file.
  await sleep(80)
  const { id } = await box.save()
  await box.provider.close?.()
  flip(box, LARGE)
  const to = join(box.dir, 'copy')
  const fresh = box.open()
  await refusal(restore(fresh, id, { to }), 'CORRUPT')
  const request = { snapshot: id, mode: 'new' as const, to, count: 1 }
  const problem = await refusal(fresh.planRestore(request, context()), 'CORRUPT')
  expect(problem.details).toEqual({ damaged: ['large.bin'] })

  const source = { kind: 'path', id: box.root, name: 'root' }
  await fresh.create({ source, name: 'again', labels: {}, auto: false, protected: false }, context())
  await restore(fresh, id, { to })
  expect(differences(box.picture(), picture(to))).toEqual([])
})
