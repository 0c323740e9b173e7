import type { DiffResult, Provider } from '../../../src/snapshots/provider.ts'
import type { MemoryProvider } from '../../snapshots/memory-provider.ts'

/** What a provider that lies does differently, and the check that has to notice. */
export const LIES: [lie: string, noticed: string, pretend: (honest: MemoryProvider) => Partial<Provider>][] =
  [
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
          if (plan.request.mode === 'new') honest.boxes.set('desk', { ...honest.boxes.get(plan.target.id) })
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
        planRestore: async (request, ctx) => ({
          ...(await honest.planRestore(request, ctx)),
          fingerprint: 'x',
        }),
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
          return { ...result, verified: { files: 0, bytes: 0, digest: 'sha256:fine' } }
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
          for (const id of ids) honest.shelf.set(id, { snapshot: await honest.get(id, ctx), content: {} })
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
          const found = (await honest.diff?.(request, ctx)) as DiffResult
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
        get: async (id, ctx) =>
          honest.get(honest.shelf.has(id) ? id : ([...honest.shelf.keys()][0] as string), ctx),
      }),
    ],
  ]
