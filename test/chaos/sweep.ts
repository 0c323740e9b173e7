import { inspect } from 'node:util'
import { expect } from 'vitest'
import { SnapshotError } from '../../src/snapshots/errors.ts'
import type { CreateReply, RestoreReply } from '../../src/snapshots/replies.ts'
import { args, caller } from '../snapshots/world.ts'
import type { Mishap } from './mishaps.ts'
import type { Vendor } from './vendors.ts'
import { open, type World } from './world.ts'

/** What goes on while something goes wrong. */
export interface Deed {
  /** Before anything goes wrong: what has to be there, and to be agreed to. Returns the call. */
  prepare(world: World, vendor: Vendor): Promise<() => Promise<unknown>>
  /** Holds in the end; `state` is `refused` where there is no operation. */
  check(ended: Ended, vendor: Vendor, story: string): void
}

export interface Ended {
  state: string
  /** Of a call or an operation that failed. */
  outcome?: string | undefined
}

type Reply = CreateReply & RestoreReply

/**
 * Does one thing while something goes wrong with one exchange, sees it through, and checks what has to hold whatever
 * happened: nothing stays open, and no key is seen anywhere. Returns how many exchanges it took.
 */
export async function survive(vendor: Vendor, deed: Deed, mishap?: Mishap, at = 0): Promise<number> {
  const { emulator } = vendor
  const world = await open(vendor)
  const call = await deed.prepare(world, vendor)
  const quiet = emulator.requests.length
  if (mishap && 'wire' in mishap) world.proxy.troubles.push(...Array(at).fill(undefined), mishap.wire)
  let seen = 0
  if (mishap && 'vendor' in mishap) emulator.faults.push({ when: () => seen++ === at, ...mishap.vendor })

  const first = await world.attempt<Reply>(call())
  // The trouble is over: from now on the vendor and the way to it are well.
  world.proxy.troubles.length = 0
  emulator.faults.length = 0
  const ended = await world.seeThrough(first)
  await world.close()

  const story = `${mishap?.name} at exchange ${at}: ${inspect(ended)}, ${inspect(first, { depth: 5 })}`
  const operation = first instanceof SnapshotError ? first.problem.operation : first.operation
  expect(operation === undefined ? ['refused'] : ['done', 'failed'], story).toContain(ended.state)
  deed.check(ended, vendor, story)
  expect(vendor.undisturbed(), story).toBe(true)
  expect(world.shows(vendor.key), story).toBe(false)
  return emulator.requests.length - quiet
}

export const creating: Deed = {
  async prepare({ service, attempt }, { create }) {
    const begin = (fields = {}) =>
      service.create(args.create({ ...create, ...fields, wait_seconds: 50 }), caller())
    const asks = 'digitalocean' in create
    const plan = asks ? await attempt<Reply>(begin()) : undefined
    const confirmation = plan && 'confirmation' in plan ? { confirmation: plan.confirmation } : {}
    return () => begin(confirmation)
  },
  check({ state }, { made, started }, story) {
    expect(made(), story).toBe(state === 'done' ? 1 : 0)
    expect(started(), story).toBe(0)
  },
}

export const restoringToNew: Deed = {
  async prepare({ service, attempt, seeThrough }, { create }) {
    const saved = await attempt<Reply>(service.create(args.create({ ...create, wait_seconds: 50 }), caller()))
    await seeThrough(saved)
    if (saved instanceof SnapshotError || !saved.snapshot) throw saved
    const call = { snapshot: saved.snapshot.id, mode: 'new', wait_seconds: 50 }
    return () => service.restore(args.restore(call), caller())
  },
  check({ state, outcome }, { made, started }, story) {
    expect(made(), story).toBe(1)
    expect(started(), story).toBeLessThanOrEqual(1)
    if (state === 'done') expect(started(), story).toBe(1)
    if (outcome === 'not_started') expect(started(), story).toBe(0)
  },
}
