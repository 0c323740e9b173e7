import type { Routes } from '../routing.ts'
import { ASSUMED, LIMITS } from './assumptions.ts'
import type { World } from './model.ts'
import { abandon, provision } from './provisioning.ts'
import { refuseManySnapshots, refuseOversize, refuseSuspended } from './quotas.ts'
import { refuse } from './refusals.ts'
import { snapshotById } from './snapshots.ts'
import { snapshotJson } from './wire.ts'
import { change } from './world.ts'

export function activationRoutes(world: World): Routes {
  return {
    'POST /api/snapshots/{snapshot}/activate': ({ params }) => {
      const snapshot = snapshotById(world, params.snapshot!)
      const { id, state, deactivatedAt } = snapshot
      if (snapshot.general) refuse(403, ASSUMED.generalActivate)
      if (state === 'active') refuse(400, `Snapshot ${id} is already active`)
      if (state !== 'inactive') refuse(400, `Snapshot ${id} cannot be activated - it is in ${state} state`)
      if (deactivatedAt !== undefined && world.now() < deactivatedAt + LIMITS.deactivation)
        refuse(400, 'Snapshot deactivation is still in progress. Please try again in a few minutes.')
      refuseSuspended(world)
      refuseOversize(world, { cpu: snapshot.cpu, memory: snapshot.mem, disk: snapshot.disk })
      refuseManySnapshots(world)
      change(snapshot, world.now(), { state: 'pending' })
      provision(world, snapshot)
      return { status: 200, body: snapshotJson(world, snapshot) }
    },
    'POST /api/snapshots/{snapshot}/deactivate': ({ params }) => {
      const snapshot = snapshotById(world, params.snapshot!)
      if (snapshot.general) refuse(403, ASSUMED.generalDeactivate)
      if (snapshot.state !== 'inactive') {
        // Whatever was under way: a removal is taken back by this.
        abandon(world, snapshot)
        change(snapshot, world.now(), { state: 'inactive', deactivatedAt: world.now() })
      }
      return { status: 204 }
    },
  }
}

/** What has not been used for two weeks becomes inactive by itself. */
export function retireUnused(world: World): void {
  for (const snapshot of world.snapshots.values()) {
    const due = (snapshot.lastUsedAt ?? snapshot.createdAt) + LIMITS.unused
    if (snapshot.general || snapshot.state !== 'active' || world.now() < due) continue
    change(snapshot, due, { state: 'inactive', deactivatedAt: due })
  }
}
