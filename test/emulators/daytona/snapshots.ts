import type { Answer, Exchange } from '../http.ts'
import type { Routes } from '../routing.ts'
import { integer, oneOf, optional, parameters, text } from './fields.ts'
import { SNAPSHOT_STATES, type Snapshot, type World } from './model.ts'
import { begin, busy, look, nameKey } from './progress.ts'
import { abandon } from './provisioning.ts'
import { refuse } from './refusals.ts'
import { createSnapshot } from './snapshot-create.ts'
import { snapshotJson } from './wire.ts'
import { change, findSnapshot } from './world.ts'

export function snapshotRoutes(world: World): Routes {
  return {
    'POST /api/snapshots': (x) => createSnapshot(world, x),
    'GET /api/snapshots': (x) => listSnapshots(world, x),
    'GET /api/snapshots/{snapshot}': ({ params }) => {
      const snapshot = seeSnapshot(world, params.snapshot!) ?? missing(params.snapshot!)
      return { status: 200, body: snapshotJson(world, snapshot) }
    },
    'DELETE /api/snapshots/{snapshot}': ({ params }) => {
      const snapshot = snapshotById(world, params.snapshot!)
      if (snapshot.general) refuse(403, 'You cannot delete a general snapshot')
      remove(world, snapshot)
      return { status: 200 }
    },
  }
}

/** A look at a snapshot, by id or name: it may come into being by it, or go. */
function seeSnapshot(world: World, idOrName: string): Snapshot | undefined {
  const id = findSnapshot(world, idOrName)?.id
  look(world, (subject) => subject === id || subject === nameKey(idOrName))
  return findSnapshot(world, idOrName)
}

/** Writes know snapshots by id only. They are no looks. */
export function snapshotById(world: World, id: string): Snapshot {
  if (!UUID.test(id)) refuse(400, 'Validation failed (uuid is expected)')
  return world.snapshots.get(id) ?? missing(id)
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** Also when it was an id. */
export function missing(idOrName: string): never {
  return refuse(404, `Snapshot with name ${idOrName} not found`)
}

/** A cron takes the row away later; until then its name is taken. */
function remove(world: World, snapshot: Snapshot): void {
  if (snapshot.state === 'removing' && busy(world, snapshot.id)) return
  abandon(world, snapshot)
  change(snapshot, world.now(), { state: 'removing' })
  begin(world, [snapshot.id], () => world.snapshots.delete(snapshot.id))
}

interface ListQuery {
  page?: number
  limit?: number
  name?: string
  sourceSandboxId?: string
  sort?: 'name' | 'state' | 'lastUsedAt' | 'createdAt'
  order?: 'asc' | 'desc'
}

function listSnapshots(world: World, x: Exchange): Answer {
  const query = parameters<ListQuery>(
    x,
    {
      page: optional(integer(1, Number.MAX_SAFE_INTEGER)),
      limit: optional(integer(1, 200)),
      name: optional(text),
      sourceSandboxId: optional(text),
      sort: optional(oneOf(['name', 'state', 'lastUsedAt', 'createdAt'])),
      order: optional(oneOf(['asc', 'desc'])),
    },
    ['page', 'limit'],
  )
  look(world, (subject) => subject.startsWith(nameKey('')) || world.snapshots.has(subject))
  const { page = 1, limit = 100, name = '', sourceSandboxId, sort = 'lastUsedAt', order = 'desc' } = query
  const found = [...world.snapshots.values()]
    .filter((one) => one.name.toLowerCase().includes(name.toLowerCase()))
    // The old server does not know the parameter.
    .filter(
      (one) => !sourceSandboxId || world.generation === 'v0.190' || one.sourceSandboxId === sourceSandboxId,
    )
    .sort((a, b) => Number(a.general) - Number(b.general) || compare(a, b, sort, order) || newest(a, b))
  const items = found.slice((page - 1) * limit, page * limit).map((one) => snapshotJson(world, one))
  const totalPages = Math.ceil(found.length / limit)
  return { status: 200, body: { items, total: found.length, page, totalPages } }
}

/** Whoever was never used comes last in either order. */
function compare(a: Snapshot, b: Snapshot, sort: NonNullable<ListQuery['sort']>, order: string): number {
  const [one, other] = sort === 'state' ? [rank(a), rank(b)] : [a[sort], b[sort]]
  if (one === null || other === null) return Number(one === null) - Number(other === null)
  const direction = order === 'asc' ? 1 : -1
  return one < other ? -direction : one > other ? direction : 0
}

const rank = ({ state }: Snapshot) => SNAPSHOT_STATES.indexOf(state)
const newest = (a: Snapshot, b: Snapshot) => b.createdAt - a.createdAt
