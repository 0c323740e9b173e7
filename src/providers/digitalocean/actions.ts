import { fail } from '../../snapshots/errors.ts'
import type { Context } from '../../snapshots/provider.ts'
import type { CallContext } from '../http/exchange.ts'
import { lookFor, sendOnce } from '../once.ts'
import { waitFor } from '../wait.ts'
import type { ActionBody } from './api.ts'
import { ASSUMED } from './assumptions.ts'
import type { Env } from './env.ts'
import { patiently } from './patiently.ts'
import type { Action } from './schemas.ts'

/** An action on a Droplet, and those of its type that there were before it: what is found beside them is new. */
export interface Wanted {
  droplet: number
  type: ActionBody['type']
  known: readonly number[]
}

/** To be asked before the action is sent. */
export async function knownActions(
  { api }: Env,
  droplet: number,
  type: Wanted['type'],
  ctx: CallContext,
): Promise<number[]> {
  const all = await api.actions(droplet, ctx)
  return all.filter((action) => action.type === type).map(({ id }) => id)
}

const findNew =
  ({ api }: Env, { droplet, type, known }: Wanted) =>
  async (ctx: CallContext): Promise<Action | undefined> => {
    const all = await api.actions(droplet, ctx)
    return all.find((action) => action.type === type && !known.includes(action.id))
  }

/** Starts an action once, whatever becomes of the answer. Waits its turn where another event is under way. */
export function startAction(
  env: Env,
  droplet: number,
  body: ActionBody,
  known: readonly number[],
  ctx: Context,
): Promise<Action> {
  const find = findNew(env, { droplet, type: body.type, known })
  const send = () => patiently(() => env.api.act(droplet, body, ctx), env, ctx)
  return sendOnce({ send, find }, env, ctx)
}

/** The action that an earlier process may have started; undefined when it has not. */
export async function startedAction(env: Env, wanted: Wanted, ctx: Context): Promise<Action | undefined> {
  return lookFor(findNew(env, wanted), env, ctx)
}

/** How an action has ended: `gone` together with its Droplet. */
export type End = 'completed' | 'errored' | 'gone'

export async function endOf(
  env: Env,
  droplet: number,
  action: Pick<Action, 'id'> & Partial<Action>,
  what: string,
  ctx: Context,
): Promise<End> {
  const { status } = await waitFor<Pick<Action, 'status'>>(
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
  return status as End
}

/** Why an action has failed is told nowhere. */
export function errored(what: string, outcome: 'not_started' | 'partial', hint: string) {
  return fail('PROVIDER_UNAVAILABLE', `${what} failed at DigitalOcean, which gives no reason.`, hint, {
    outcome,
    retryable: outcome === 'not_started',
  })
}
