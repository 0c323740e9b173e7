import type { Exchange } from '../http.ts'
import type { Sandbox, World } from './model.ts'
import { busy, look } from './progress.ts'
import { refuse } from './refusals.ts'
import { findSandbox } from './world.ts'

export const IN_PROGRESS = 'Sandbox state change in progress'

/** The sandbox that the path names, by id or name. */
export function sandboxOf(world: World, { params }: Exchange): Sandbox {
  const idOrName = params.sandbox!
  return findSandbox(world, idOrName) ?? refuse(404, `Sandbox with ID or name ${idOrName} not found`)
}

/** The same after a look at it. */
export function seeSandbox(world: World, x: Exchange): Sandbox {
  const { id } = sandboxOf(world, x)
  look(world, (subject) => subject === id)
  return sandboxOf(world, x)
}

export function refuseBusy(world: World, { id }: Sandbox): void {
  if (busy(world, id)) refuse(409, IN_PROGRESS)
}
