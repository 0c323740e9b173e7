import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createLocalProvider } from '../../src/providers/local/index.ts'
import type { Source } from '../../src/snapshots/model.ts'
import type { Provider } from '../../src/snapshots/provider.ts'
import { describeProvider, failures, type Subject } from '../provider-conformance.ts'
import { createMemoryProvider, type MemoryProvider } from '../snapshots/memory-provider.ts'
import { NOON, silent } from '../snapshots/world.ts'
import { digest, picture } from '../support/oracle.ts'
import { remove } from '../support/sandbox.ts'
import { makeWorkspace } from '../support/workspace.ts'
import { makeMany } from './local/support.ts'

function localSubject(): Subject {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'snapshot-mcp-conformance-')))
  const place = (name: string): Source => {
    mkdirSync(join(dir, 'roots', name), { recursive: true })
    return { kind: 'path', id: join(dir, 'roots', name), name }
  }
  const [source, other, bulky] = [place('project'), place('other'), place('bulky')]
  makeWorkspace(source.id)
  writeFileSync(join(other.id, 'theirs.txt'), 'not yours')
  const roots = [source.id, other.id, bulky.id, join(dir, 'roots')]
  const provider = createLocalProvider({
    home: join(dir, 'home'),
    roots,
    trashWindowMs: 3_600_000,
    specialModes: 'keep',
    clock: Date.now,
    log: silent,
  })
  let step = 0
  return {
    provider,
    source,
    other,
    get bulky() {
      makeMany(bulky.id, 3000)
      return bulky
    },
    vacant: join(dir, 'roots/copy'),
    occupied: other.id,
    mutate() {
      const at = (path: string) => join(source.id, path)
      const before = `added-${step++}.txt`
      const after = `added-${step}.txt`
      rmSync(at(before), { force: true })
      writeFileSync(at(after), `new in step ${step}`)
      writeFileSync(at('src/index.js'), `changed in step ${step}`)
      rmSync(at('data/empty.txt'), { force: true })
      return new Map([
        [step === 1 ? 'data/empty.txt' : before, 'removed'],
        [after, 'added'],
        ['src/index.js', 'modified'],
      ])
    },
    state: (which) => digest(picture(which.id)),
    peek(which, path) {
      try {
        return readFileSync(join(which.id, path), 'utf8')
      } catch {
        return undefined
      }
    },
    tick: () => sleep(2),
    cleanup: () => remove(dir),
  }
}

describeProvider('local', localSubject)

const box = (name: string): Source => ({ kind: 'box', id: name, name })

function memorySubject(pretend: (honest: MemoryProvider) => Partial<Provider> = () => ({})): Subject {
  const time = { now: NOON }
  const honest = createMemoryProvider({ clock: () => time.now })
  honest.boxes.set('shelf', { theirs: 'not yours' })
  let step = 0
  return {
    provider: { ...honest, ...pretend(honest) },
    source: box('desk'),
    other: box('shelf'),
    vacant: 'copy',
    mutate() {
      const { [`c${step}`]: _, b: gone, ...rest } = honest.boxes.get('desk') ?? {}
      const removed = gone === undefined ? `c${step}` : 'b'
      step++
      honest.boxes.set('desk', { ...rest, a: `changed in step ${step}`, [`c${step}`]: 'new' })
      return new Map([
        [removed, 'removed'],
        [`c${step}`, 'added'],
        ['a', 'modified'],
      ])
    },
    state: ({ id }) => JSON.stringify(Object.entries(honest.boxes.get(id) ?? {}).sort()),
    peek: ({ id }, path) => honest.boxes.get(id)?.[path],
    tick: () => void (time.now += 1000),
    cleanup() {},
  }
}

describeProvider('memory', memorySubject)

/** Providers that lie, and the check that has to notice. */
const LIES: [lie: string, noticed: string, pretend: (honest: MemoryProvider) => Partial<Provider>][] = [
  [
    'says it restored and did not',
    'a restore in place brings every byte back, and the safety snapshot what was there before',
    (honest) => ({
      async restore(plan, ctx) {
        const before = { ...honest.boxes.get(plan.target.id) }
        const result = await honest.restore(plan, ctx)
        honest.boxes.set(plan.target.id, before)
        return result
      },
    }),
  ],
  [
    'takes its safety snapshot when it is too late',
    'a restore in place brings every byte back, and the safety snapshot what was there before',
    (honest) => ({
      async restore(plan, ctx) {
        const result = await honest.restore(plan, { ...ctx, record: async () => {} })
        await ctx.record?.({ safety_snapshot: result.safety_snapshot as string })
        return result
      },
    }),
  ],
  [
    'writes the copy over the source',
    'a restore to a new place makes an equal copy and leaves the source alone',
    (honest) => ({
      async restore(plan, ctx) {
        const result = await honest.restore(plan, ctx)
        if (plan.request.mode === 'new')
          honest.boxes.set('desk', { ...honest.boxes.get(plan.target.id) })
        return result
      },
    }),
  ],
  [
    'restores whatever the fingerprint',
    'a plan that is no longer true is refused, and nothing changes',
    (honest) => ({
      async restore({ request }, ctx) {
        return honest.restore(await honest.planRestore(request, ctx), ctx)
      },
    }),
  ],
  [
    'has one fingerprint for everything',
    'a plan to restore changes nothing, and its fingerprint follows the source',
    (honest) => ({
      planRestore: async (request, ctx) => ({ ...(await honest.planRestore(request, ctx)), fingerprint: 'x' }),
    }),
  ],
  [
    'takes a snapshot while it only plans',
    'a plan to restore changes nothing, and its fingerprint follows the source',
    (honest) => ({
      async planRestore(request, ctx) {
        const { source } = await honest.get(request.snapshot, ctx)
        const safety = { source, name: 'early', labels: {}, auto: true, protected: false }
        await honest.create(safety, ctx)
        return honest.planRestore(request, ctx)
      },
    }),
  ],
  [
    'restores more paths than were named',
    'a restore of one path leaves the others as they are',
    (honest) => ({
      async planRestore({ paths: _, ...request }, ctx) {
        return honest.planRestore(request, ctx)
      },
    }),
  ],
  [
    'verifies nothing',
    'the verified digest is that of the restored state',
    (honest) => ({
      async restore(plan, ctx) {
        const result = await honest.restore(plan, ctx)
        return { ...result, verified: { ...result.verified, digest: 'sha256:fine' } }
      },
    }),
  ],
  [
    'deletes the source with the snapshot',
    'a delete takes the snapshot and nothing else: the source lives, the others restore',
    (honest) => ({
      async delete(plan, ctx) {
        honest.boxes.set('desk', {})
        return honest.delete(plan, ctx)
      },
    }),
  ],
  [
    'says it deleted and did not',
    'a delete takes the snapshot and nothing else: the source lives, the others restore',
    () => ({
      delete: async ({ snapshots }) => ({
        deleted: snapshots.map(({ id }) => id.slice('memory:'.length)),
        failed: [],
      }),
    }),
  ],
  [
    'damages the other snapshots',
    'a delete takes the snapshot and nothing else: the source lives, the others restore',
    (honest) => ({
      async delete(plan, ctx) {
        for (const kept of honest.shelf.values()) kept.content = {}
        return honest.delete(plan, ctx)
      },
    }),
  ],
  [
    'takes an empty shell out of the trash',
    'what is in the trash is listed on request, and comes back whole',
    (honest) => ({
      async undelete(ids, ctx) {
        for (const id of ids) honest.shelf.set(id, { snapshot: (await honest.get(id, ctx)), content: {} })
        return (await honest.undelete?.(ids, ctx)) ?? []
      },
    }),
  ],
  [
    'deletes what it can of a list that it should refuse',
    'several are deleted in one call, or none when one of them cannot be',
    (honest) => ({
      async planDelete(ids, ctx) {
        const known = ids.filter((id) => honest.shelf.has(id))
        return honest.planDelete(known, ctx)
      },
    }),
  ],
  [
    'pages by an unstable order',
    'every page size yields each snapshot once, in the same order',
    (honest) => ({
      async list(query, ctx) {
        const page = await honest.list(query, ctx)
        return { ...page, items: query.cursor ? page.items : page.items.reverse() }
      },
    }),
  ],
  [
    'keeps an update to itself',
    'an update of name lasts, and changes nothing else',
    (honest) => ({
      update: async (id, change, ctx) => ({ ...(await honest.get(id, ctx)), name: change.name as string }),
    }),
  ],
  [
    'finds no difference',
    'a diff lists exactly what differs, and its summary counts that',
    () => ({
      diff: async () => ({ summary: { added: 0, removed: 0, modified: 0, bytes: 0 }, changes: [] }),
    }),
  ],
  [
    'makes its summary up',
    'a diff lists exactly what differs, and its summary counts that',
    (honest) => ({
      async diff(request, ctx) {
        const found = (await honest.diff?.(request, ctx)) as NonNullable<Awaited<ReturnType<NonNullable<Provider['diff']>>>>
        return found.changes.length === 0 ? found : { ...found, summary: { ...found.summary, added: 7 } }
      },
    }),
  ],
  [
    'has a capability without the method',
    'a healthy provider says so, and its optional methods are exactly its capabilities',
    () => ({ undelete: undefined as never }),
  ],
  [
    'goes on when it was cancelled',
    'a create that was cancelled before it began leaves nothing behind',
    (honest) => ({
      create: (request, ctx) => honest.create(request, { ...ctx, signal: new AbortController().signal }),
    }),
  ],
  [
    'knows every snapshot',
    'an unknown snapshot is NOT_FOUND for every call that names one, and nothing changes',
    (honest) => ({
      get: async (id, ctx) => honest.get(honest.shelf.has(id) ? id : ([...honest.shelf.keys()][0] as string), ctx),
    }),
  ],
]

test.each(LIES)('a provider that %s is found out', async (_lie, noticed, pretend) => {
  expect(await failures(() => memorySubject(pretend))).toContain(noticed)
})

test('an honest one is not', async () => {
  expect(await failures(memorySubject)).toEqual([])
})
