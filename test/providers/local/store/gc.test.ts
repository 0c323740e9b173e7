import { fork } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import * as fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import { collect, estimate, SHARE } from '../../../../src/providers/local/store/gc.ts'
import { openStore } from '../../../../src/providers/local/store/store.ts'
import type { Provider } from '../../../../src/snapshots/provider.ts'
import type { PurgeResult } from '../../../../src/snapshots/upkeep.ts'
import { temporaryDirectory } from '../../../snapshots/world.ts'
import { differences, type Picture, picture } from '../../../support/oracle.ts'
import { remove } from '../../../support/sandbox.ts'
import { content } from '../../../support/trees.ts'
import { intercept, shortWrites, systemFault } from '../faults.ts'
import { sha256 } from '../forge.ts'
import { flip } from '../store-files.ts'
import { context, native, shelf, type Workbench, workbench, workbenchIn } from '../support.ts'

const MB = 1_000_000
const packsIn = (box: Workbench) => join(box.home, 'store/packs')
const packs = (box: Workbench) => readdirSync(packsIn(box)).sort()
const used = (box: Workbench) =>
  packs(box).reduce((sum, name) => sum + statSync(join(packsIn(box), name)).size, 0)

const withoutPause = { due: () => false, take: async () => {} }

async function forget(box: Workbench, ...ids: string[]): Promise<void> {
  await box.provider.delete(await box.provider.planDelete(ids, context()), context())
}

async function purge(provider: Provider, all = true): Promise<PurgeResult> {
  return provider.purge!(await provider.planPurge!({ all }, context()), context())
}

let copies = 0

/** Restores a snapshot as a process does that knows nothing yet, and says what it got. */
async function restored(box: Workbench, id: string, provider = box.open()): Promise<Picture> {
  const to = join(box.dir, `copy-${copies++}`)
  const plan = await provider.planRestore({ snapshot: id, mode: 'new', to, count: 1 }, context())
  await provider.restore(plan, context())
  const seen = picture(to)
  rmSync(to, { recursive: true })
  return seen
}

/** A purge in a process of its own. */
async function startCollector(box: Workbench) {
  const child = fork(join(import.meta.dirname, 'collector.ts'), [box.home], { execArgv: ['--import', 'tsx'] })
  const gone = once(child, 'exit')
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await gone
  })
  await once(child, 'message')
  return {
    /** Resolves when it has begun. The second promise has what came of it. */
    async purge() {
      child.send('purge')
      await once(child, 'message')
      return once(child, 'message').then(([result]) => result as PurgeResult)
    },
    async kill() {
      child.kill('SIGKILL')
      await gone
    },
  }
}

describe('space is freed', () => {
  test('of a snapshot that was deleted, and not before it is deleted for good', async () => {
    const box = workbench()
    box.write('kept', content(MB, 1))
    const { id } = await box.save()
    const before = box.picture()
    box.write('gone', content(5 * MB, 2))
    const { id: large } = await box.save()
    const full = used(box)
    await forget(box, large)
    expect(used(box)).toBe(full)

    const result = await purge(box.provider)
    expect(result.deleted).toEqual([large])
    expect(result.freed_bytes).toBe(full - used(box))
    expect(result.used_bytes).toBe(used(box))
    expect(used(box)).toBeLessThan(1.01 * MB)
    expect(await shelf(box)).toEqual([id])
    expect(differences(before, await restored(box, id))).toEqual([])
    expect((await box.provider.health(context())).healthy).toBe(true)
  })

  test('of a part of a pack: what is needed of it is copied', async () => {
    const box = workbench()
    for (let n = 0; n < 60; n++) box.write(`file-${n}`, content(50_000, n))
    const { id: all } = await box.save()
    for (let n = 10; n < 60; n++) rmSync(box.at(`file-${n}`))
    const { id } = await box.save()
    const before = box.picture()
    await forget(box, all)
    const plan = await box.provider.planPurge!({ all: true }, context())
    const full = used(box)
    const { freed_bytes } = await box.provider.purge!(plan, context())
    expect(freed_bytes).toBe(full - used(box))
    expect(used(box)).toBeLessThan(0.55 * MB)
    expect(Math.abs(freed_bytes - plan.expected_bytes)).toBeLessThan(0.02 * full)
    expect(differences(before, await restored(box, id))).toEqual([])
  })

  test('by a rule: a pack of which little is dead stays, unless all is asked for', async () => {
    const box = workbench()
    for (let n = 0; n < 10; n++) box.write(`file-${n}`, content(200_000, n))
    const { id: all } = await box.save()
    for (const n of [0, 1]) rmSync(box.at(`file-${n}`))
    const { id } = await box.save()
    await forget(box, all)
    const store = openStore(box.home, {})
    store.manifests.remove([all], 'trash')
    const how = { pause: withoutPause, insist: false }
    expect(await collect(store, { ...how, share: SHARE.usual })).toEqual({ freed: 0 })
    expect((await collect(store, { ...how, share: SHARE.all })).freed).toBeGreaterThan(0.39 * MB)
    store.close()
    expect(differences(box.picture(), await restored(box, id))).toEqual([])
  })

  test('once: what is left has nothing more to give', async () => {
    const box = workbench()
    const ids: string[] = []
    for (let n = 0; n < 12; n++) {
      box.write(`dir-${n % 3}/file`, `version ${n}`)
      ids.push((await box.save()).id)
    }
    await forget(box, ...ids.slice(1, 8))
    await purge(box.provider)
    const after = packs(box)
    expect(await purge(box.provider)).toMatchObject({ deleted: [], freed_bytes: 0 })
    expect(packs(box)).toEqual(after)
  })

  test('of an encrypted store too', async () => {
    const box = workbench({ key: content(32, 9) })
    for (let n = 0; n < 8; n++) box.write(`file-${n}`, content(300_000, n))
    const { id: all } = await box.save()
    for (const n of [0, 1, 2, 3, 4]) rmSync(box.at(`file-${n}`))
    const { id } = await box.save()
    await forget(box, all)
    await purge(box.provider)
    expect(used(box)).toBeLessThan(MB)
    expect(differences(box.picture(), await restored(box, id))).toEqual([])
  })

  test('of what is there twice', async () => {
    const box = workbench()
    box.write('file', content(MB, 1))
    const { id } = await box.save()
    const [index, pack] = packs(box) as [string, string]
    const twin = 'f'.repeat(32)
    // As after a gc that was killed between the copy and the removal.
    for (const name of [pack, index])
      writeFileSync(
        join(packsIn(box), name.replace(/^[0-9a-f]{32}/, twin)),
        readFileSync(join(packsIn(box), name)),
      )
    const provider = box.open()
    await purge(provider)
    expect(packs(box)).toHaveLength(2)
    expect(differences(box.picture(), await restored(box, id))).toEqual([])
  })
})

describe('what is needed stays', () => {
  test('in the trash, until it is deleted for good', async () => {
    const box = workbench()
    box.write('file', content(MB, 1))
    const { id } = await box.save()
    await forget(box, id)
    expect(await purge(box.provider, false)).toMatchObject({ deleted: [], freed_bytes: 0 })
    await box.provider.undelete?.([id], context())
    expect(differences(box.picture(), await restored(box, id))).toEqual([])
  })

  test('though a file holds the very bytes of a directory', async () => {
    const box = workbench()
    box.write('dir/inner', 'only in there')
    const { id: first } = await box.save()
    const store = openStore(box.home, {})
    store.objects.refresh()
    const { tree } = store.manifests.get(first).manifest
    const listing = (await store.objects.read(tree)).toString('latin1')
    // The id of the subdirectory's tree stands at the end of the listing.
    const inner = await store.objects.read(Buffer.from(listing.slice(-32), 'latin1').toString('hex'))
    box.write('a-file-before-it', inner)
    const { id } = await box.save()
    await forget(box, first)
    await purge(box.provider)
    store.close()
    expect(differences(box.picture(), await restored(box, id))).toEqual([])
  })

  test('when a directory of a snapshot cannot be read, nothing is deleted', async () => {
    const box = workbench()
    const { id: gone } = await savedWith(box, 'gone', 1)
    const { id: damaged } = await savedWith(box, 'damaged', 2)
    const before = packs(box)
    await spoilTree(box, damaged)
    await forget(box, gone)
    const provider = box.open()
    const plan = await provider.planPurge!({ all: true }, context())
    expect(plan.problem?.message).toContain(`local:${damaged}`)
    const result = await provider.purge!(plan, context())
    expect(result).toMatchObject({ deleted: [gone], freed_bytes: 0 })
    expect(result.left).toContain('No space was freed')
    expect(packs(box)).toEqual(before)
    // Once that snapshot is given up, it no longer stands in the way.
    await provider.delete(await provider.planDelete([damaged], context()), context())
    expect((await purge(provider)).freed_bytes).toBeGreaterThan(MB)
  })

  test('when a manifest cannot be read, nothing is deleted', async () => {
    const box = workbench()
    const { id: gone } = await savedWith(box, 'gone', 1)
    const { id: damaged } = await savedWith(box, 'damaged', 2)
    const before = packs(box)
    appendFileSync(join(box.home, `store/snapshots/${damaged}.json`), ' ')
    await forget(box, gone)
    const { left } = await purge(box.open())
    expect(left).toContain(`local:${damaged}`)
    expect(packs(box)).toEqual(before)
  })

  test('when a content cannot be copied, its pack stays, and all else is freed', async () => {
    const box = workbench()
    for (let n = 0; n < 4; n++) box.write(`file-${n}`, content(300_000, n))
    const { id: all } = await box.save()
    const damagedPack = packs(box).find((name) => name.endsWith('.pack')) as string
    for (const n of [0, 1]) rmSync(box.at(`file-${n}`))
    const { id } = await box.save()
    await savedWith(box, 'gone', 9).then((gone) => forget(box, gone.id, all))
    // The last content of the pack is that of file-3, which is needed.
    const path = join(packsIn(box), damagedPack)
    const bytes = readFileSync(path)
    const at = bytes.indexOf(content(300_000, 3).subarray(1000, 1032))
    expect(at).toBeGreaterThan(0)
    bytes[at] = (bytes[at] as number) ^ 1
    writeFileSync(path, bytes)
    const { left, freed_bytes } = await purge(box.open())
    expect(left).toContain('damaged')
    expect(freed_bytes).toBeGreaterThan(MB)
    expect(readFileSync(path).equals(bytes)).toBe(true)
    expect(await shelf(box)).toEqual([id])
  })

  test('of a snapshot that is deleted while gc looks for it, so that it can be taken back', async () => {
    const box = workbench()
    await box.save()
    const store = openStore(box.home, {})
    let came: { id: string; path: string } | undefined
    // Made after gc has looked at all snapshots there were, so that it is read in the turn, and moved then.
    const pause = {
      due: () => came === undefined,
      async take() {
        if (came) return
        const { id } = await savedWith(box, 'file', 1)
        came = { id, path: join(box.home, 'store/snapshots', `${id}.json`) }
      },
    }
    let moved = 0
    intercept('openSync', (path) => {
      if (path === came?.path && moved++ === 0) renameSync(path, path.replace('snapshots', 'trash'))
    })
    await collect(store, { share: SHARE.all, pause, insist: false })
    store.close()
    expect(moved).toBe(1)
    const id = came?.id as string
    await box.provider.undelete!([id], context())
    expect((await restored(box, id)).get('file')?.sha256).toBe(sha256(content(MB, 1)))
  })

  test.each([
    ['lost its index', (index: string) => renameSync(index, `${index}.saved`)],
    ['has a damaged index', (index: string) => spoilFile(index)],
  ])('in a pack that %s, until nothing that is needed is missing', async (_what, spoil) => {
    const box = workbench()
    box.write('file', content(MB, 1))
    const { id: first } = await box.save()
    const index = packs(box).find((name) => name.endsWith('.idx')) as string
    box.write('more', 'a directory of its own')
    const { id } = await box.save()
    const seen = box.picture()
    await forget(box, first)
    const path = join(packsIn(box), index)
    const saved = readFileSync(path)
    spoil(path)
    const provider = box.open()
    const { left } = await purge(provider)
    expect(left).toContain('damaged')
    expect(packs(box)).toContain(index.replace('idx', 'pack'))
    // Put back, it is as if nothing had been.
    const damaged = existsSync(path) ? readFileSync(path) : undefined
    writeFileSync(path, saved)
    expect(differences(seen, await restored(box, id))).toEqual([])
    rmSync(path)
    if (damaged) writeFileSync(path, damaged)
    // Stored again by the next create, nothing of it is missing.
    const source = { kind: 'path', id: box.root, name: 'root' }
    const request = { source, name: 'again', labels: {}, auto: false, protected: false }
    await box.open().create(request, context())
    const { left: rest, freed_bytes } = await purge(box.open())
    expect(rest).toBeUndefined()
    expect(freed_bytes).toBeGreaterThan(MB)
    expect(packs(box)).not.toContain(index.replace('idx', 'pack'))
    expect(differences(seen, await restored(box, id))).toEqual([])
  })
})

test('a pack whose index is damaged counts as used', async () => {
  const box = workbench()
  box.write('file', content(MB, 1))
  await box.save()
  spoilFile(join(packsIn(box), packs(box).find((name) => name.endsWith('.idx')) as string))
  expect((await box.open().health(context())).usage?.store_bytes).toBe(used(box))
})

test('it ends, though what is read from one pack has rotted there and is good in another', async () => {
  const box = workbench()
  const rotten = content(MB, 1)
  box.write('rotten', rotten)
  await box.save()
  const store = openStore(box.home, {})
  store.objects.refresh()
  flip(box, rotten)
  // Noticed by a provider that stores it again; to the store opened above it still is where it was.
  const healing = box.open()
  await healing.verify!({}, context())
  const source = { kind: 'path', id: box.root, name: 'root' }
  const request = { source, name: 'healed', labels: {}, auto: false, protected: false }
  const { snapshot } = await healing.create(request, context())
  const seen = box.picture()
  // One more that is worth a turn, and never fits beside another.
  box.write('large', content(36 * MB, 2))
  box.write('gone', content(8 * MB, 3))
  const { id: more } = await box.save()
  rmSync(box.at('gone'))
  await box.save()
  await forget(box, more)
  store.manifests.remove([more], 'trash')
  let turns = 0
  const room = () => {
    if (++turns > 10) throw new Error('it does not end')
    return Number.POSITIVE_INFINITY
  }
  await collect(store, { share: SHARE.all, pause: withoutPause, insist: false, room })
  store.close()
  expect(used(box)).toBeLessThan(40 * MB)
  expect(differences(seen, await restored(box, native(snapshot)))).toEqual([])
})

/** Flips a bit in the middle of a file. */
function spoilFile(path: string): void {
  const bytes = readFileSync(path)
  const at = bytes.length >> 1
  bytes[at] = (bytes[at] as number) ^ 1
  writeFileSync(path, bytes)
}

/** A snapshot of one more file of a megabyte, which is removed again. */
async function savedWith(box: Workbench, name: string, seed: number) {
  box.write(name, content(MB, seed))
  const saved = await box.save()
  rmSync(box.at(name))
  return saved
}

/** Flips a bit in the block that holds the tree of a snapshot. */
async function spoilTree(box: Workbench, id: string): Promise<void> {
  const store = openStore(box.home, {})
  store.objects.refresh()
  const { tree } = store.manifests.get(id).manifest
  const pack = store.objects.packs().find(({ index }) => index.ids.includes(tree))!
  const { block } = pack.index.places[pack.index.ids.indexOf(tree)]!
  store.close()
  const path = join(packsIn(box), `${pack.name}.pack`)
  const bytes = readFileSync(path)
  const at = pack.index.blocks[block]!.offset + 8
  bytes[at] = (bytes[at] as number) ^ 1
  writeFileSync(path, bytes)
}

describe('others at work', () => {
  test('a reader that read the indexes before finds everything after', async () => {
    const box = workbench()
    for (let n = 0; n < 60; n++) box.write(`file-${n}`, content(50_000, n))
    const { id: all } = await box.save()
    for (let n = 20; n < 60; n++) rmSync(box.at(`file-${n}`))
    const { id } = await box.save()
    const reader = box.open()
    expect((await reader.health(context())).healthy).toBe(true)
    await forget(box, all)
    const before = packs(box)
    await purge(box.provider)
    expect(packs(box).filter((name) => before.includes(name))).toHaveLength(2)
    expect(differences(box.picture(), await restored(box, id, reader))).toEqual([])
    expect(await reader.health(context())).toMatchObject({ healthy: true, usage: { store_bytes: used(box) } })
  })

  test('a snapshot that comes while gc looks around keeps what only it needs', async () => {
    const box = workbench()
    const { id: gone } = await savedWith(box, 'file', 1)
    await box.save()
    const store = openStore(box.home, {})
    await forget(box, gone)
    store.manifests.remove([gone], 'trash')
    let came: { id: string; captured: number | undefined } | undefined
    const pause = {
      due: () => came === undefined,
      async take() {
        if (came) return
        box.write('file', content(MB, 1))
        const { id, receipt } = await box.save()
        came = { id, captured: receipt?.bytes_captured }
      },
    }
    await collect(store, { share: SHARE.all, pause, insist: false })
    store.close()
    // It was dead then, and was not stored a second time.
    expect(came?.captured).toBe(0)
    expect(differences(box.picture(), await restored(box, came?.id as string))).toEqual([])
  })

  test('a create with old indexes stores again what gc took away', async () => {
    const box = workbench()
    const other = box.open()
    const source = { kind: 'path', id: box.root, name: 'root' }
    const request = { source, name: 'saved', labels: {}, auto: false, protected: false }
    box.write('file', content(MB, 1))
    const { snapshot } = await other.create(request, context())
    await forget(box, native(snapshot))
    await purge(box.provider)
    expect(packs(box)).toEqual([])
    const { snapshot: again, receipt } = await other.create(request, context())
    expect(receipt?.bytes_captured).toBe(MB)
    expect(differences(box.picture(), await restored(box, native(again)))).toEqual([])
  })

  test('while one process purges in a loop, what another one saves can be restored', {
    timeout: 90_000,
  }, async () => {
    const box = workbench()
    for (let n = 0; n < 40; n++) box.write(`file-${n}`, content(40_000, n))
    const collector = await startCollector(box)
    const saved = new Map<string, Picture>()
    let freed = 0
    let purging: Promise<PurgeResult> | undefined
    const end = performance.now() + 4000
    for (let n = 0; performance.now() < end || n < 5; n++) {
      // Contents come back after they were deleted: what gc thinks dead may be needed by the next create.
      box.write(`file-${n % 7}`, content(60_000, 100 + (n % 3)))
      const { id } = await box.save()
      saved.set(id, box.picture())
      const [oldest] = saved.keys()
      if (saved.size > 3 && oldest) {
        saved.delete(oldest)
        await forget(box, oldest)
      }
      purging ??= collector.purge().then((done) => done)
      const done = await Promise.race([purging, sleep(5)])
      if (!done) continue
      expect(done).toMatchObject({ deleted: expect.any(Array) })
      freed += done.freed_bytes
      purging = undefined
    }
    await purging
    expect(freed).toBeGreaterThan(0)
    for (const [id, before] of saved) expect(differences(before, await restored(box, id)), id).toEqual([])
  })

  test('killed at any time, gc has lost nothing, and the next one goes on', { timeout: 90_000 }, async () => {
    const box = workbench()
    const kept: string[] = []
    for (let round = 0; round < 6; round++) {
      for (let n = 0; n < 30; n++) box.write(`file-${n}`, content(60_000, round * 30 + n))
      const { id } = await box.save()
      for (let n = 3; n < 30; n++) rmSync(box.at(`file-${n}`))
      kept.push((await box.save()).id)
      await forget(box, id)
    }
    const before = new Map<string, Picture>()
    for (const id of kept) before.set(id, await restored(box, id))
    for (let round = 0; round < 6; round++) {
      const collector = await startCollector(box)
      void collector.purge().catch(() => {})
      await sleep(2 + 17 * round)
      await collector.kill()
      const provider = box.open()
      expect((await provider.health(context())).healthy).toBe(true)
      for (const id of kept)
        expect(differences(before.get(id)!, await restored(box, id, provider))).toEqual([])
    }
    await purge(box.open())
    expect(used(box)).toBeLessThan(6 * 3 * 60_000 * 1.1)
    for (const id of kept) expect(differences(before.get(id)!, await restored(box, id))).toEqual([])
  })
})

describe('a full disk', () => {
  const half = async () => {
    const box = workbench()
    for (let n = 0; n < 10; n++) box.write(`file-${n}`, content(100_000, n))
    const { id: all } = await box.save()
    for (let n = 5; n < 10; n++) rmSync(box.at(`file-${n}`))
    const { id } = await box.save()
    await forget(box, all)
    return { box, id }
  }

  test('on which the copy does not fit after all: the old pack stays, and nothing of the new one', async () => {
    const { box, id } = await half()
    const before = packs(box)
    await shortWrites(() => 0)
    const { left, freed_bytes } = await purge(box.provider)
    expect(left).toContain('no room')
    expect(freed_bytes).toBe(0)
    expect(packs(box)).toEqual(before)
    expect(differences(box.picture(), await restored(box, id))).toEqual([])
  })

  test('that has no room for a lease: the last scans make way for it', async () => {
    const box = workbench()
    const { id } = await savedWith(box, 'gone', 1)
    await forget(box, id)
    await box.provider.close?.()
    const scans = () => readdirSync(join(box.home, 'store/cache')).filter((name) => name.endsWith('.scan'))
    expect(scans()).toHaveLength(1)
    intercept('writeFileSync', (path) => {
      if (path.includes('store/leases/') && scans().length > 0) throw systemFault('ENOSPC')
    })
    expect((await purge(box.open())).freed_bytes).toBeGreaterThan(MB)
    expect(scans()).toEqual([])
  })

  test('is not written to: only what needs no copy is freed', async () => {
    const { box, id } = await half()
    const seen = box.picture()
    const { id: gone } = await savedWith(box, 'gone', 99)
    await forget(box, gone)
    const store = openStore(box.home, {})
    store.manifests.remove(
      [...(await shelf(box))].filter((each) => each !== id),
      'trash',
    )
    const how = { pause: withoutPause, insist: false, share: SHARE.all }
    const first = await collect(store, { ...how, room: () => 0 })
    expect(first.left).toBe('no_room')
    expect(first.freed).toBeGreaterThan(MB)
    const expected = await estimate(store, { ...how, except: new Set() })
    const { freed, left } = await collect(store, how)
    expect(left).toBeUndefined()
    expect(Math.abs(freed - expected)).toBeLessThan(0.05 * MB)
    expect(freed).toBeGreaterThan(0.45 * MB)
    store.close()
    expect(differences(seen, await restored(box, id))).toEqual([])
  })
})

test('what a create left that died is freed as well, and details of what never came to be', async () => {
  const box = workbench()
  const { id } = await box.save()
  writeFileSync(join(packsIn(box), `${'0'.repeat(32)}.pack`), content(MB, 1))
  writeFileSync(join(box.home, `store/details/${'0'.repeat(32)}.json`), '{}')
  const drafts = ['old', 'new'].map((name) => join(box.home, `store/details/.${name}.tmp`)) as [
    string,
    string,
  ]
  for (const draft of drafts) writeFileSync(draft, 'half of it')
  const twoHoursAgo = Date.now() / 1000 - 7200
  utimesSync(drafts[0], twoHoursAgo, twoHoursAgo)
  expect((await purge(box.provider)).freed_bytes).toBe(MB)
  // The other one may still be written.
  expect(drafts.map((draft) => existsSync(draft))).toEqual([false, true])
  rmSync(drafts[1])
  expect(readdirSync(join(box.home, 'store/details'))).toEqual([`${id}.json`])
})

test('whatever is saved, deleted, brought back and purged: what is there can be restored, and little else is kept', {
  timeout: 120_000,
}, async () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('write' as const), file: fc.nat(5), seed: fc.nat(8), size: fc.nat(40_000) }),
    fc.record({ do: fc.constant('remove' as const), file: fc.nat(5) }),
    fc.record({ do: fc.constant('save' as const) }),
    fc.record({ do: fc.constant('delete' as const), which: fc.nat(9) }),
    fc.record({ do: fc.constant('undelete' as const), which: fc.nat(9) }),
    fc.record({ do: fc.constant('purge' as const), all: fc.boolean() }),
    fc.record({ do: fc.constant('restart' as const) }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
      const dir = temporaryDirectory()
      const box = workbenchIn(dir)
      let provider = box.provider
      const live = new Map<string, Picture>()
      const trashed = new Map<string, Picture>()
      const pick = (from: Map<string, Picture>, which: number) => [...from][which % Math.max(1, from.size)]
      for (const step of steps) {
        if (step.do === 'write')
          box.write(`dir-${step.file % 2}/file-${step.file}`, content(step.size, step.seed))
        if (step.do === 'remove') rmSync(box.at(`dir-${step.file % 2}/file-${step.file}`), { force: true })
        if (step.do === 'restart') provider = box.open()
        if (step.do === 'save') {
          const source = { kind: 'path', id: box.root, name: 'root' }
          const request = { source, name: 'saved', labels: {}, auto: false, protected: false }
          live.set(native((await provider.create(request, context())).snapshot), box.picture())
        }
        if (step.do === 'delete') {
          const [id, seen] = pick(live, step.which) ?? []
          if (!id || !seen) continue
          await provider.delete(await provider.planDelete([id], context()), context())
          live.delete(id)
          trashed.set(id, seen)
        }
        if (step.do === 'undelete') {
          const [id, seen] = pick(trashed, step.which) ?? []
          if (!id || !seen) continue
          await provider.undelete!([id], context())
          trashed.delete(id)
          live.set(id, seen)
        }
        if (step.do === 'purge') {
          const { deleted } = await purge(provider, step.all)
          expect(deleted.sort()).toEqual(step.all ? [...trashed.keys()].sort() : [])
          if (step.all) trashed.clear()
          const store = openStore(box.home, {})
          const rest = { share: SHARE.all, pause: withoutPause, except: new Set<string>() }
          expect(await estimate(store, rest)).toBe(0)
          store.close()
        }
      }
      await provider.undelete!([...trashed.keys()], context())
      for (const [id, seen] of [...live, ...trashed])
        expect(differences(seen, await restored(box, id))).toEqual([])
      remove(dir)
    }),
    { numRuns: 25 },
  )
})
