import { z } from 'zod'
import { SnapshotError } from '../../snapshots/errors.ts'
import type { Context } from '../../snapshots/provider.ts'
import { type Asked, isNear, startAction } from './actions.ts'
import type { ActionBody } from './api.ts'
import type { Env } from './env.ts'
import type { Action, Droplet } from './schemas.ts'

/** Statuses of a Droplet. That its action is over says nothing: the status follows later. */
export const isOn = ({ status }: Pick<Droplet, 'status'>) => status === 'active'
export const isOff = ({ status }: Pick<Droplet, 'status'>) => status === 'off'

/** What takes a machine down: by asking the guest, and by taking its power. */
export const STOPS = ['shutdown', 'power_off'] as const satisfies ActionBody['type'][]
export type StopType = (typeof STOPS)[number]

export const isStop = ({ type }: Action) => STOPS.some((each) => each === type)

/** What is noted before a machine is switched off, and again when it is known which action that is. */
export const Stop = z.object({
  /** Actions that there were before, by whomever. */
  known: z.array(z.number()),
  /** When one was asked for of which nothing is known yet. Milliseconds. */
  at: z.number().optional(),
  /** Actions that are ours. */
  own: z.array(z.number()),
})
export type Stop = z.infer<typeof Stop>

/** Facts of an operation that may have switched a machine off. */
export interface MayStop {
  [fact: string]: unknown
  stop?: Stop | undefined
}

/** Whether it was us who took the machine down with it, as far as can be told. */
export const isOurs = (action: Action, { known, at, own }: Stop) =>
  own.includes(action.id) ||
  (at !== undefined && isStop(action) && !known.includes(action.id) && isNear(action, at))

/** What is said of the work that a machine is off for. */
export interface Words {
  /** That it was not begun, as a sentence. */
  notBegun: string
  /** That it is done, as a sentence. */
  done: string
}

/** Of the looks at a machine that goes off or on, which takes it seconds. */
export const STEP = { firstMs: 2000 } as const

/** Undefined where there was nothing to do. */
export async function power(
  env: Env,
  droplet: number,
  type: StopType | 'power_on',
  asked: Asked,
  ctx: Context,
): Promise<Action | undefined> {
  try {
    return await startAction(env, droplet, { type }, asked, ctx)
  } catch (error) {
    // It went off, or on, while this waited for its turn: its status will tell.
    if (error instanceof SnapshotError && error.code === 'CONFLICT') return undefined
    throw error
  }
}
