import { chmodSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { refusal } from '../../../snapshots/world.ts'
import { differences, digest, picture } from '../../../support/oracle.ts'
import { content } from '../../../support/trees.ts'
import { context, native, shelf, type Workbench, workbench } from '../support.ts'

const packsOf = (box: Workbench) => readdirSync(join(box.home, 'store/packs'))
const opened = async (box: Workbench) => box.open()
const request = (box: Workbench, name = 'saved') => ({
  source: { kind: 'path', id: box.root, name: 'root' },
  ...{ name, labels: {}, auto: false, protected: false },
})

describe('the header', () => {
  test.each([
    ['a later format', '{"format":2,"encryption":"none"}'],
    ['an encryption', '{"format":1,"encryption":"age"}'],
    ['no JSON', 'format 1'],
    ['nothing', ''],
  ])('with %s is refused, and the store stays as it is', async (_what, header) => {
    const box = workbench()
    await box.save()
    writeFileSync(join(box.home, 'store/store.json'), header)
    const before = digest(picture(join(box.home, 'store')))
    await refusal(opened(box), 'UNSUPPORTED')
    expect(digest(picture(join(box.home, 'store')))).toBe(before)
  })

  test('that was lost is not made up', async () => {
    const box = workbench()
    await box.save()
    rmSync(join(box.home, 'store/store.json'))
    await refusal(opened(box), 'CORRUPT')
  })
})

test('nobody else can look into the store', async () => {
  const box = workbench()
  box.write('secret', 'in here')
  await box.save()
  await box.provider.close?.()
  chmodSync(join(box.home, 'store'), 0o755)
  box.open()
  for (const [path, { mode }] of picture(join(box.home, 'store'))) expect(mode & 0o077, path).toBe(0)
})

test('a home that cannot be used is refused in words', async () => {
  const box = workbench()
  box.write('file', 'not a directory')
  const problem = await refusal((async () => box.open({ home: box.at('file/home') }))(), 'INVALID_ARGUMENT')
  expect(problem.message).not.toContain(box.dir)
})

describe('a store that may not grow', () => {
  test('refuses when it is full and keeps nothing of what it refused, but there is always a way back', async () => {
    const box = workbench({ maxStoreBytes: 1_000_000 })
    box.write('first', content(400_000, 1))
    const before = box.picture()
    const { id } = await box.save()
    box.write('second', content(20_000_000, 2))
    const packs = packsOf(box)
    await refusal(box.save(), 'QUOTA_EXCEEDED')
    expect(packsOf(box)).toEqual(packs)
    expect(await shelf(box)).toEqual([id])
    await box.restore(id, { mode: 'new', to: join(box.dir, 'copy') })
    expect(differences(before, picture(join(box.dir, 'copy')))).toEqual([])
    const live = box.picture()
    const { safety_snapshot } = await box.restore(id)
    expect(differences(before, box.picture())).toEqual([])
    await box.restore(safety_snapshot!)
    expect(differences(live, box.picture())).toEqual([])
  })

  test('never grows beyond that, by a small snapshot either', async () => {
    const box = workbench({ maxStoreBytes: 100_000 })
    box.write('small', content(300_000, 1))
    await refusal(box.save(), 'QUOTA_EXCEEDED')
    expect(packsOf(box)).toEqual([])
  })

  test('says what it holds and what it may', async () => {
    const box = workbench({ maxStoreBytes: 1_000_000 })
    box.write('file', content(10_000, 1))
    await box.save()
    const { usage, quota } = await box.provider.health(context())
    const onDisk = packsOf(box).reduce(
      (sum, name) => sum + statSync(join(box.home, 'store/packs', name)).size,
      0,
    )
    expect(usage?.store_bytes).toBe(onDisk)
    expect(quota).toEqual({ store_bytes: 1_000_000 })
  })
})

describe('two providers on one store', () => {
  test('create at the same time, and each sees and restores what the other made', async () => {
    const box = workbench()
    const other = box.open()
    const roots = ['one', 'two'].map((name) => join(box.root, name)) as [string, string]
    for (const root of roots) {
      mkdirSync(root)
      for (let n = 0; n < 50; n++) writeFileSync(join(root, `${n}`), content(3000, n))
    }
    const made = await Promise.all(
      [box.provider, other].flatMap((provider, which) =>
        [0, 1, 2, 3].map(async (n) => {
          writeFileSync(join(roots[which] as string, 'own'), `${which} ${n}`)
          const source = { kind: 'path', id: roots[which] as string, name: 'x' }
          const { snapshot } = await provider.create({ ...request(box, `${which}-${n}`), source }, context())
          return snapshot
        }),
      ),
    )
    expect(new Set(made.map(({ id }) => id)).size).toBe(8)
    const query = { include_auto: true, include_trashed: true, limit: 100 }
    const [mine, theirs] = await Promise.all([box.provider, other].map((each) => each.list(query, context())))
    expect(mine?.items.map(({ id }) => id).sort()).toEqual(made.map(({ id }) => id).sort())
    expect(theirs).toEqual(mine)

    for (const [n, snapshot] of made.entries()) {
      const to = join(box.dir, `copy-${n}`)
      // Each by the one that did not make it.
      const provider = n < 4 ? other : box.provider
      const plan = await provider.planRestore(
        { snapshot: native(snapshot), mode: 'new', to, count: 1 },
        context(),
      )
      await provider.restore(plan, context())
      expect(picture(to).size).toBe(52)
    }
  })

  test('a change of details by one is seen by the other at once', async () => {
    const box = workbench()
    const other = box.open()
    const { id } = await box.save()
    for (let n = 0; n < 20; n++) {
      await box.provider.update?.(id, { name: `name ${n}` }, context())
      expect((await other.get(id, context())).name).toBe(`name ${n}`)
    }
  })

  test('a delete by one is a delete for the other, and so is the undo', async () => {
    const box = workbench()
    const other = box.open()
    const { id } = await box.save()
    await box.provider.delete(await box.provider.planDelete([id], context()), context())
    expect(await other.get(id, context())).toMatchObject({ state: 'trashed' })
    await refusal(other.planDelete([id], context()), 'CONFLICT')
    await refusal(other.planRestore({ snapshot: id, mode: 'in_place', count: 1 }, context()), 'CONFLICT')
    await other.undelete?.([id], context())
    expect(await box.provider.get(id, context())).toMatchObject({ state: 'ready' })
  })

  test('plan with one and restore with the other: both see the same state', async () => {
    const box = workbench()
    const other = box.open()
    box.write('dir/file', 'saved')
    const { id } = await box.save()
    box.write('dir/file', 'broken')
    // The first restores, and so knows the exact times that those on disk stand for; the second does not.
    const { safety_snapshot } = await box.restore(id)
    const plan = await other.planRestore(
      { snapshot: safety_snapshot as string, mode: 'in_place', count: 1 },
      context(),
    )
    await box.provider.restore(plan, context())
    expect(box.read('dir/file')).toBe('broken')
  })

  test('what one has stored the other stores no second time', async () => {
    const box = workbench()
    const other = box.open()
    box.write('file', content(500_000, 1))
    await box.save()
    const { receipt } = await other.create(request(box), context())
    expect(receipt).toMatchObject({ bytes_captured: 0, bytes_reused: 500_000 })
  })
})

test('opening a store removes nothing from it: a pack may have lost its index and be needed', async () => {
  const box = workbench()
  const { id } = await box.save()
  const before = box.picture()
  const [index] = packsOf(box).filter((name) => name.endsWith('.idx')) as [string]
  const path = join(box.home, 'store/packs', index)
  renameSync(path, `${path}.saved`)
  const packs = packsOf(box)
  await refusal(box.open().planRestore({ snapshot: id, mode: 'in_place', count: 1 }, context()), 'CORRUPT')
  expect(packsOf(box)).toEqual(packs)
  renameSync(`${path}.saved`, path)
  const to = join(box.dir, 'copy')
  await box.restore(id, { mode: 'new', to })
  expect(differences(before, picture(to))).toEqual([])
})
