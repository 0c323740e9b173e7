import type { Planned } from '../guard/guard-api.ts'
import type { Caller, Question } from './caller.ts'
import {
  type Environment,
  fullId,
  type Located,
  locate,
  optionsFor,
  sourceLock,
  unsupported,
} from './environment.ts'
import { beforeChange, fail } from './errors.ts'
import { executeGuarded, type Result, undoUntil } from './execute.ts'
import type { PlanView } from './model.ts'
import type { Operation } from './operation.ts'
import type { Run } from './operations.ts'
import type { Context, DeletePlan, Provider, RestorePlan, RestoreRequest, RestoreResult } from './provider.ts'
import type { Restored, RestoreReply } from './replies.ts'
import type { RestoreArgs } from './requests.ts'

const COMMON = ['snapshot', 'mode', 'to', 'paths', 'count', 'wait_seconds', 'confirmation', 'dry_run']

export async function restore(
  env: Environment,
  args: RestoreArgs,
  caller: Caller,
): Promise<RestoreReply | Question> {
  const { wait_seconds, ...asked } = args
  const { mode } = args
  const { provider, native } = await locate(env, args.snapshot)
  checkRestore(provider, args)
  const options = optionsFor(args, COMMON, provider.name)
  const wanted: RestoreRequest = {
    snapshot: native,
    mode,
    ...(args.to !== undefined && { to: args.to }),
    ...(args.paths && { paths: args.paths }),
    count: args.count,
    ...(options && { options }),
  }
  return executeGuarded(env, caller, {
    request: {
      type: 'restore',
      provider: provider.name,
      targets: [args.snapshot],
      args: asked,
      confirmation: args.confirmation,
      dry_run: args.dry_run,
      // A copy beside the source takes nothing away.
      confirm: mode === 'new' ? 'never' : 'always',
    },
    record: recordOf(provider, wanted),
    wait: { ms: wait_seconds * 1000, provider },
    plan: (ctx) => planRestore(provider, wanted, ctx),
    work: async (planned, ctx, run) => {
      const { reply, facts } = await carryOut(env, provider, planned, ctx, run)
      return { reply: { mode, ...reply }, ...(facts && { facts }) }
    },
  })
}

export async function planRestore(
  provider: Provider,
  wanted: RestoreRequest,
  ctx: Context,
): Promise<Planned<RestorePlan>> {
  const plan = await provider.planRestore(wanted, ctx)
  return {
    what: plan,
    view: planView(plan),
    fingerprint: plan.fingerprint,
    lock: sourceLock(provider.name, plan.target),
    subject: fullId(provider.name, wanted.snapshot),
    ...(plan.nothing_to_do && { idle: true }),
  }
}

/** Restores, and puts the way back on record as soon as there is one, which is before the target is touched. */
export async function carryOut(
  env: Environment,
  provider: Provider,
  planned: Planned<RestorePlan>,
  ctx: Context,
  run: Run,
): Promise<Result<Restored>> {
  const { request, undo_paths: paths = request.paths } = planned.what
  const wayBack = (snapshot: string) => ({
    undo: {
      kind: 'restore' as const,
      snapshot,
      ...(paths && { paths: [...paths] }),
    },
    undo_until: undoUntil(env, planned),
  })
  const record: NonNullable<Context['record']> = ({ safety_snapshot }) =>
    beforeChange(run.note(wayBack(safety_snapshot)))
  return restoredBy(provider, await provider.restore(planned.what, { ...ctx, record }), wayBack)
}

/** What a restore yields, for its reply and for its record. */
export function restoredBy(
  { name }: Provider,
  result: RestoreResult,
  wayBack: (snapshot: string) => Partial<Operation>,
): Result<Restored> {
  const { changed, verified, targets, safety_snapshot, fingerprint, warnings } = result
  const restored: Restored = {
    ...(changed && { changed }),
    ...(verified && { verified }),
    ...(targets && { targets }),
    ...(safety_snapshot && { safety_snapshot: fullId(name, safety_snapshot) }),
    ...(warnings.length > 0 && { warnings }),
  }
  return {
    reply: restored,
    facts: {
      restored,
      ...(safety_snapshot && wayBack(safety_snapshot)),
      ...(fingerprint !== undefined && { left: fingerprint }),
    },
  }
}

/** As somebody needs it who takes the restore up later. */
export const recordOf = ({ account }: Provider, { paths, ...request }: RestoreRequest) => ({
  restoring: { ...request, ...(paths && { paths: [...paths] }) },
  ...(account !== undefined && { account }),
})

export function planView(plan: RestorePlan | DeletePlan): PlanView {
  const { summary, effects, reversible, undo_until, warnings } = plan
  return { summary, effects, reversible, ...(undo_until && { undo_until }), warnings }
}

function checkRestore(
  { name, capabilities }: Pick<Located['provider'], 'name' | 'capabilities'>,
  args: RestoreArgs,
) {
  const { mode, to, count, paths } = args
  if (mode === 'in_place' && (to !== undefined || count > 1)) {
    throw fail(
      'INVALID_ARGUMENT',
      '"to" and "count" belong to mode "new"; a restore in place goes where the snapshot came from. Nothing was changed.',
      'Add mode:"new" to get a copy, or leave them out.',
    )
  }
  if (!capabilities.restore_modes.includes(mode)) {
    throw unsupported(name, `restore with mode "${mode}"`, `Use mode:"${capabilities.restore_modes[0]}".`)
  }
  if (paths && !capabilities.paths) {
    throw unsupported(name, 'restore chosen paths', 'Leave "paths" out to restore the whole snapshot.')
  }
  if (count > 1 && !capabilities.count) {
    throw unsupported(name, 'make several copies at once', 'Leave "count" out and call once for each copy.')
  }
}
