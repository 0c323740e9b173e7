import { fail } from '../../../src/snapshots/errors.ts'
import type { Provider } from '../../../src/snapshots/provider.ts'
import type { CloudLike } from './cloud-like.ts'

const COPY = 'a restore to a new place makes an equal copy and leaves the source alone'
const PLAN = 'a plan for a new place makes nothing there'
const DELETE = 'a delete takes the snapshot and nothing else: the source lives, the others restore'
const READY = 'create gives a ready snapshot that says what was asked for, and leaves the source alone'
const CANCELLED = 'a create that is cancelled on its way says whether it began, and what began is found later'
const KILLED = 'a create that was killed is seen through or did not begin, and is made once at the most'

/** As in lies.ts, of what the provider of a cloud may get wrong. */
export const CLOUD_LIES: [lie: string, noticed: string, pretend: (honest: CloudLike) => Partial<Provider>][] =
  [
    [
      'removes the machine along with its snapshot',
      DELETE,
      (honest) => ({
        async delete(plan, ctx) {
          for (const { source } of plan.snapshots) honest.boxes.delete(source.id)
          return honest.delete(plan, ctx)
        },
      }),
    ],
    [
      'removes some other machine along with a snapshot',
      DELETE,
      (honest) => ({
        async delete(plan, ctx) {
          honest.boxes.delete('spare')
          return honest.delete(plan, ctx)
        },
      }),
    ],
    [
      'says that it deleted what is still going away',
      'a permanent delete is one',
      (honest) => ({
        async delete({ snapshots }) {
          for (const { id } of snapshots) {
            const found = honest.shelf.get(id.slice('memory:'.length))
            if (found) found.snapshot = { ...found.snapshot, state: 'deleting' }
          }
          return { deleted: snapshots.map(({ id }) => id.slice('memory:'.length)), failed: [] }
        },
      }),
    ],
    [
      'calls it a failure that somebody else was first',
      'what somebody else has deleted since the plan was made counts as deleted',
      (honest) => ({
        async delete(plan, ctx) {
          const there = plan.snapshots.filter(({ id }) => honest.shelf.has(id.slice('memory:'.length)))
          const { deleted } = await honest.delete({ ...plan, snapshots: there }, ctx)
          const missing = plan.snapshots.filter((each) => !there.includes(each))
          return {
            deleted,
            failed: missing.map(({ id }) => ({
              snapshot: id.slice('memory:'.length),
              code: 'NOT_FOUND',
              message: 'It is not there.',
            })),
          }
        },
      }),
    ],
    [
      'makes the copy from the live machine',
      COPY,
      (honest) => ({
        async restore(plan, ctx) {
          const result = await honest.restore(plan, ctx)
          const live = honest.boxes.get(plan.snapshot.source.id)
          for (const { id } of result.targets ?? []) honest.boxes.set(id, { ...live })
          return result
        },
      }),
    ],
    [
      'gives the same copy twice',
      COPY,
      (honest) => {
        let first: Awaited<ReturnType<Provider['restore']>> | undefined
        return {
          async restore(plan, ctx) {
            first ??= await honest.restore(plan, ctx)
            return first
          },
        }
      },
    ],
    [
      'uses the snapshot up',
      COPY,
      (honest) => ({
        async restore(plan, ctx) {
          const result = await honest.restore(plan, ctx)
          honest.shelf.delete(plan.request.snapshot)
          return result
        },
      }),
    ],
    [
      'changes the machine while it only plans',
      PLAN,
      (honest) => ({
        async planRestore(request, ctx) {
          honest.boxes.set('desk', { a: 'touched' })
          return honest.planRestore(request, ctx)
        },
      }),
    ],
    [
      'starts a machine while it only plans',
      PLAN,
      (honest) => ({
        async planRestore(request, ctx) {
          honest.boxes.set('early', {})
          return honest.planRestore(request, ctx)
        },
      }),
    ],
    [
      'says ready before it is',
      READY,
      (honest) => {
        const pending = new Set<string>()
        return {
          async create(request, ctx) {
            const made = await honest.create(request, ctx)
            pending.add(made.snapshot.id)
            return made
          },
          async get(id, ctx) {
            const snapshot = await honest.get(id, ctx)
            return pending.delete(snapshot.id) ? { ...snapshot, state: 'creating' } : snapshot
          },
        }
      },
    ],
    [
      'captures the machine later than it says',
      COPY,
      (honest) => {
        const empty = new Set<string>()
        return {
          async create(request, ctx) {
            const made = await honest.create(request, ctx)
            empty.add(made.snapshot.id)
            return made
          },
          async restore(plan, ctx) {
            const { id, source } = plan.snapshot
            const found = honest.shelf.get(plan.request.snapshot)
            if (found && empty.delete(id)) found.content = { ...honest.boxes.get(source.id) }
            return honest.restore(plan, ctx)
          },
        }
      },
    ],
    [
      'lists the first page only',
      'lists are whole, however little of them the system gives at once',
      (honest) => ({
        list: async (query, ctx) => {
          const { items } = await honest.list({ ...query, limit: 100 }, ctx)
          return { items: items.slice(0, query.limit) }
        },
      }),
    ],
    [
      'lists the first page of its sources only',
      'lists are whole, however little of them the system gives at once',
      (honest) => ({
        sources: async (query, ctx) => ({ items: (await honest.sources(query, ctx)).items }),
      }),
    ],
    [
      'sends again what may have arrived',
      'a create whose end nobody saw is found by whatever was put on record, and is not made again',
      (honest) => ({
        resume: { ...honest.resume, create: ({ request }, ctx) => honest.create(request, ctx) },
      }),
    ],
    [
      'takes any snapshot for the one it lost sight of',
      KILLED,
      (honest) => ({
        resume: {
          ...honest.resume,
          async create(interrupted, ctx) {
            const [any] = [...honest.shelf.values()]
            return any ? { snapshot: any.snapshot } : honest.resume.create(interrupted, ctx)
          },
        },
      }),
    ],
    [
      'says that nothing came of what is there',
      KILLED,
      (honest) => ({
        resume: {
          ...honest.resume,
          create: ({ operation: _, ...rest }, ctx) =>
            honest.resume.create({ ...rest, operation: 'op_x' }, ctx),
        },
      }),
    ],
    [
      'puts nothing on record before it sends',
      'a create whose end nobody saw is found by whatever was put on record, and is not made again',
      (honest) => ({
        create: (request, { note: _, ...ctx }) => honest.create(request, ctx),
      }),
    ],
    [
      'starts another machine for the one it lost sight of',
      'a restore to a new place whose end nobody saw is found, and is not made again',
      (honest) => ({
        resume: {
          ...honest.resume,
          async restore({ request }, ctx) {
            const again = { ...request, to: `${request.to}-again` }
            return honest.restore(await honest.planRestore(again, ctx), ctx)
          },
        },
      }),
    ],
    [
      'takes back what it was making when nobody waits any more',
      CANCELLED,
      (honest) => ({
        async create(request, ctx) {
          const before = new Set(honest.shelf.keys())
          return honest.create(request, ctx).catch((error) => {
            for (const id of honest.shelf.keys()) if (!before.has(id)) honest.shelf.delete(id)
            throw error
          })
        },
      }),
    ],
    [
      'says that it had not begun, and had',
      CANCELLED,
      (honest) => ({
        create: (request, ctx) =>
          honest.create(request, ctx).catch(() => {
            throw fail('CANCELLED', 'Cancelled. Nothing was made.', 'Call again.', { outcome: 'not_started' })
          }),
      }),
    ],
  ]
