import { z } from 'zod'
import { fail } from '../../snapshots/errors.ts'
import type { Context } from '../../snapshots/provider.ts'
import type { CallContext } from '../http/exchange.ts'
import { lookFor, sendOnce } from '../once.ts'
import { waitFor } from '../wait.ts'
import type { ActionBody } from './api.ts'
import { ASSUMED } from './assumptions.ts'
import type { Env } from './env.ts'
import { patiently, throughOutages } from './patiently.ts'
import type { Action } from './schemas.ts'

type Type = ActionBody['type']

/** What is noted before an action is asked for, enough to tell it from those of others later, and its id afterwards. */
export const Asked = z.object({
  /** Actions of its type that there were before. */
  known: z.array(z.number()),
  /** When it was asked for, by the clock here. Milliseconds. */
  at: z.number(),
  action: z.number().optional(),
})
export type Asked = z.infer<typeof Asked>

/** Of actions as they were just seen. */
export const asking = (seen: readonly Action[], types: readonly Type[], { time }: Env): Asked => ({
  known: seen.filter(({ type }) => types.some((each) => each === type)).map(({ id }) => id),
  at: time.now(),
})

/** Begun about when we asked for one: somebody else's of the same type may have come since. */
export function isNear({ started_at }: Action, at: number): boolean {
  const late = Date.parse(started_at ?? '') - at
  return late > -ASSUMED.skewMs && late < ASSUMED.busyMs + ASSUMED.skewMs
}

/** The first that was not known, oldest first: of those on a Droplet only one is under way at a time. */
const firstNew = (actions: readonly Action[], type: Type, { known }: Asked): Action | undefined =>
  oldestFirst(actions).find((action) => action.type === type && !known.includes(action.id))

export const oldestFirst = (actions: readonly Action[]) => actions.toSorted((a, b) => a.id - b.id)

/** Starts an action once, whatever becomes of the answer. Waits its turn where another event is under way. */
export function startAction(
  env: Env,
  droplet: number,
  body: ActionBody,
  asked: Asked,
  ctx: Context,
): Promise<Action> {
  const find = async (call: CallContext) => firstNew(await env.api.actions(droplet, call), body.type, asked)
  const send = () => patiently(() => env.api.act(droplet, body, ctx), env, ctx)
  return sendOnce({ send, find }, env, ctx)
}

/** One that may be what an earlier process has asked for; undefined when it has not. NOT_FOUND without its Droplet. */
export function startedSince(
  env: Env,
  droplet: number,
  type: Type,
  asked: Asked,
  ctx: Context,
): Promise<Action | undefined> {
  return lookFor(async (call) => firstNew(await env.api.actions(droplet, call), type, asked), env, ctx)
}

/** How an action has ended: `gone` together with its Droplet. */
export type End = 'completed' | 'errored' | 'gone'

/** Watches an action to its end, through outages as well. */
export async function endOf(
  env: Env,
  droplet: number,
  action: Pick<Action, 'id'> & Partial<Action>,
  what: string,
  ctx: Context,
): Promise<End> {
  const watch = () =>
    waitFor<Pick<Action, 'status'>>(
      {
        what: 'The action',
        read: (call) => env.api.action(droplet, action.id, call),
        settled: ({ status }) => status === 'completed' || status === 'errored',
        describe: () => what,
        gone: () => ({ status: 'gone' }),
        ...('status' in action && { initial: action as Action }),
        firstMs: 5000,
        timeoutMs: ASSUMED.actionMs,
      },
      env,
      ctx,
    )
  return (await throughOutages(watch, env, ctx)).status as End
}

/** Why an action has failed is told nowhere. */
export function errored(what: string, outcome: 'not_started' | 'partial', hint: string) {
  return fail('PROVIDER_UNAVAILABLE', `${what} failed at DigitalOcean, which gives no reason.`, hint, {
    outcome,
    retryable: outcome === 'not_started',
  })
}
