import { randomUUID } from 'node:crypto'
import type { Answer, Exchange } from '../http.ts'
import type { Routes } from '../routing.ts'
import { ASSUMED } from './assumptions.ts'
import { fields, optional, text } from './fields.ts'
import { isMachine, transition } from './lifecycle.ts'
import { refuseBusy, sandboxOf } from './lookup.ts'
import type { Sandbox, World } from './model.ts'
import { refuseManySandboxes, refuseSuspended } from './quotas.ts'
import { refuse } from './refusals.ts'
import { sandboxJson } from './wire.ts'
import { addSandbox, change, findSandbox } from './world.ts'

export function forkRoutes(world: World): Routes {
  const show = (sandboxes: Sandbox[]): Answer => ({
    status: 200,
    body: sandboxes.map((one) => sandboxJson(world, one)),
  })
  return {
    'POST /api/sandbox/{sandbox}/fork': (x) => fork(world, x),
    'GET /api/sandbox/{sandbox}/forks': (x) => {
      const all = forksOf(world, sandboxOf(world, x))
      const gone = x.query.get('includeDestroyed') === 'true'
      return show(all.filter(({ state }) => gone || state !== 'destroyed'))
    },
    'GET /api/sandbox/{sandbox}/parent': (x) => {
      const parent = parentOf(world, sandboxOf(world, x)) ?? refuse(404, ASSUMED.noParent)
      return { status: 200, body: sandboxJson(world, parent) }
    },
    'GET /api/sandbox/{sandbox}/ancestors': (x) => {
      const ancestors: Sandbox[] = []
      for (let one = parentOf(world, sandboxOf(world, x)); one; one = parentOf(world, one))
        ancestors.unshift(one)
      return show(ancestors)
    },
  }
}

/** A copy with the same disk, beside the running original. */
function fork(world: World, x: Exchange): Answer {
  const { name } = fields<{ name?: string }>(x, { name: optional(text) })
  const source = sandboxOf(world, x)
  if (!isMachine(source)) refuse(422, 'Forking is not supported for this sandbox')
  if (source.state !== 'started') refuse(400, 'Sandbox must be in started state to fork')
  refuseBusy(world, source)
  refuseSuspended(world)
  refuseManySandboxes(world, source)
  if (name !== undefined && findSandbox(world, name)) refuse(409, 'Sandbox with this name already exists')
  const id = randomUUID()
  const now = world.now()
  const times = { createdAt: now, updatedAt: now, lastActivityAt: now }
  const copy = addSandbox(world, {
    ...source,
    ...times,
    id,
    name: name || id,
    parentId: source.id,
    state: 'creating',
    daemonVersion: undefined,
  })
  change(source, now, { state: 'forking' })
  transition(world, source, ['started'])
  transition(world, copy, ['started'])
  return { status: 200, body: sandboxJson(world, copy, true) }
}

function forksOf(world: World, { id }: Sandbox): Sandbox[] {
  return [...world.sandboxes.values()].filter(({ parentId }) => parentId === id)
}

function parentOf({ sandboxes }: World, { parentId }: Sandbox): Sandbox | undefined {
  return parentId === undefined ? undefined : sandboxes.get(parentId)
}

export function refuseWithForks(world: World, sandbox: Sandbox): void {
  if (forksOf(world, sandbox).some(({ desiredState }) => desiredState !== 'destroyed'))
    refuse(400, 'Cannot delete sandbox which has active fork children. The forks must be deleted first.')
}
