import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { LocalOptions } from '../../src/providers/local/index.ts'
import type { Provider } from '../../src/snapshots/provider.ts'
import type { DeleteReply } from '../../src/snapshots/replies.ts'
import type { Service } from '../../src/snapshots/service-api.ts'
import { args, NOON, refusal } from '../snapshots/world.ts'
import { differences, digest, picture } from '../support/oracle.ts'
import { remove } from '../support/sandbox.ts'
import { content } from '../support/trees.ts'
import { makeWorkspace } from '../support/workspace.ts'
import { assemble, CALLER, call, confirmed, placesIn } from './assembled.ts'

const HOUR = 3_600_000
const MB = 1_000_000

/** A server whose clocks go as they are told: the wall's, and the one that nobody can set. */
function timed(local: Partial<LocalOptions> = {}, provider?: (part: Provider) => Provider) {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'snapshot-mcp-way-back-')))
  onTestFinished(() => remove(dir))
  const places = placesIn(dir)
  mkdirSync(places.root)
  const time = { wall: NOON, up: 1000 * HOUR }
  const server = assemble(dir, {
    clock: () => time.wall,
    local: { uptime: () => time.up, trashWindowMs: 72 * HOUR, ...local },
    ...(provider && { provider }),
  })
  onTestFinished(() => server.service.close())
  const save = async () => (await server.service.create(args.create(), CALLER)).snapshot.id
  const forget = async (...snapshots: string[]) =>
    (await confirmed(server, 'delete', { snapshots })) as { operation: string }
  return { ...places, dir, time, server, save, forget }
}

test('what was deleted and comes back by undo is byte for byte what it was (G31)', async () => {
  const { root, store, server, save, forget } = timed()
  makeWorkspace(root)
  const saved = picture(root)
  const id = await save()
  const about = () => server.service.get(args.get({ snapshot: id }), CALLER)
  const stored = () =>
    ['packs', 'snapshots', 'details', 'trash'].map((folder) => digest(picture(join(store, folder))))
  const before = { told: await about(), stored: stored() }

  const { operation } = await forget(id)
  expect((await about()).snapshot.state).toBe('trashed')
  await call(server, 'undo', { operation })
  expect({ told: await about(), stored: stored() }).toEqual(before)
  const to = join(root, 'copy')
  await call(server, 'restore', { snapshot: id, mode: 'new', to })
  expect(differences(saved, picture(to))).toEqual([])
})

describe('before its window is over, nothing leaves the trash', () => {
  /** A store with room for one more only if what was deleted goes for good. */
  async function full() {
    const box = timed({ maxStoreBytes: 3 * MB })
    writeFileSync(join(box.root, 'large'), content(2 * MB, 1))
    const saved = picture(box.root)
    const id = await box.save()
    rmSync(join(box.root, 'large'))
    const { operation } = await box.forget(id)
    writeFileSync(join(box.root, 'next'), content(2 * MB, 2))
    const isThere = async () =>
      (await box.server.service.list(args.list({ include_trashed: true }), CALLER)).items.some(
        (item) => item.id === id,
      )
    return { ...box, id, saved, operation, isThere }
  }

  test.each([
    ['the wall clock alone says that it is over', { wall: 10 * 24 * HOUR, up: HOUR }],
    ['the time since boot alone says so', { wall: HOUR, up: 100 * HOUR }],
    [
      'the time since boot says so and the wall clock was set back',
      { wall: -365 * 24 * HOUR, up: 100 * HOUR },
    ],
    ['both say that a minute is left', { wall: 72 * HOUR - 60_000, up: 72 * HOUR - 60_000 }],
  ])('not for want of room, when %s (G32)', async (_what, passed) => {
    const { time, server, save, isThere, operation, id, root, saved } = await full()
    const deleted = { ...time }
    time.wall += passed.wall
    time.up += passed.up
    await refusal(save(), 'QUOTA_EXCEEDED')
    expect(await isThere()).toBe(true)

    // Once the clock is right again, it comes back whole.
    time.wall = deleted.wall + 70 * HOUR
    await call(server, 'undo', { operation })
    rmSync(join(root, 'next'))
    await confirmed(server, 'restore', { snapshot: id })
    expect(differences(saved, picture(root))).toEqual([])
  })

  test('not by any call that there is, and none of them lifts a protection (G32)', async () => {
    const led: string[] = []
    const forbidden = (name: string) => async () => {
      led.push(name)
      throw new Error(`${name} is for the operator alone`)
    }
    const box = timed({}, (provider) => ({
      ...provider,
      planPurge: forbidden('planPurge'),
      purge: forbidden('purge'),
      unprotect: forbidden('unprotect'),
    }))
    const { server, save, forget, time, root } = box
    writeFileSync(join(root, 'file'), '1')
    const [gone, kept, other] = [await save(), await save(), await save()]
    await forget(gone)
    time.wall += 10 * 24 * HOUR
    const { service } = server
    const calls: Record<keyof Service, () => Promise<unknown>> = {
      create: save,
      list: () => service.list(args.list({ include_trashed: true, include_auto: true }), CALLER),
      get: () => service.get(args.get({ snapshot: gone }), CALLER),
      diff: () => service.diff(args.diff({ from: kept }), CALLER),
      update: () => service.update(args.update({ snapshot: kept, protected: true, ttl: '7d' }), CALLER),
      async restore() {
        writeFileSync(join(root, 'file'), '2')
        await confirmed(server, 'restore', { snapshot: kept })
      },
      delete: () => forget(other),
      async prune() {
        const rule = { keep_last: 1, dry_run: false }
        const { confirmation } = (await service.prune(args.prune(rule), CALLER)) as DeleteReply
        await service.prune(args.prune({ ...rule, confirmation }), CALLER)
      },
      undo: async () => call(server, 'undo', { operation: (await forget(await save())).operation }),
      sources: () => service.sources(args.sources(), CALLER),
      status: () => service.status(args.status(), CALLER),
      busy: async () => service.busy(),
      close: () => service.close(),
    }
    for (const make of Object.values(calls)) await make()
    expect(led).toEqual([])
    const again = assemble(box.dir, { clock: () => time.wall })
    onTestFinished(() => again.service.close())
    const { items } = await again.service.list(args.list({ include_trashed: true, limit: 100 }), CALLER)
    expect(items.find(({ id }) => id === gone)).toMatchObject({ state: 'trashed' })
    expect(items.find(({ id }) => id === kept)).toMatchObject({ state: 'ready', protected: true })
  })

  test('and once both say that it is over, it goes', async () => {
    const { time, save, isThere } = await full()
    time.wall += 72 * HOUR
    time.up += 72 * HOUR
    await save()
    expect(await isThere()).toBe(false)
  })
})
