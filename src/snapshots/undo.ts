import { digest } from '../guard/digest.ts'
import type { Planned } from '../guard/guard-api.ts'
import type { Caller, Question } from './caller.ts'
import { type Environment, fullId, shelfLock, unsupported } from './environment.ts'
import { beforeChange, fail, SnapshotError } from './errors.ts'
import { executeGuarded } from './execute.ts'
import type { Operation, StoredOperation } from './operation.ts'
import type { Operations, Run } from './operations.ts'
import { someNames } from './plain.ts'
import type { Context, Provider, RestorePlan } from './provider.ts'
import type { UndoReply } from './replies.ts'
import type { UndoArgs } from './requests.ts'
import { carryOut, planRestore, recordOf } from './restore.ts'

/** How long an undo keeps its caller waiting: as long as a restore that is not told. */
const PATIENCE_MS = 30_000

/**
 * Takes back a restore (by restoring its safety snapshot, which can be undone in turn) or a delete into the trash. What
 * still stands as the operation left it goes back at once; what was worked on since is a restore like any other.
 */
export async function undo(env: Environment, args: UndoArgs, caller: Caller): Promise<UndoReply | Question> {
  const first = await undoable(env, args.operation, caller)
  const { undo: way, lock, provider: name } = first.operation
  const provider = await env.registry.get(name)
  const request = {
    type: 'undo' as const,
    provider: name,
    targets: [args.operation],
    args,
    confirmation: args.confirmation,
    dry_run: args.dry_run,
    confirm: 'if_irreversible' as const,
    repeatable: true as const,
    lock,
  }
  /** Once more, now that the target is locked; and the claim, so that of two undos only one runs. */
  const claim = async (run: Run) => {
    const stored = await undoable(env, args.operation, caller)
    if (!(await env.operations.markUndone(stored, run.id)))
      throw alreadyUndone(args.operation, 'another call')
  }

  if (way.kind === 'restore') {
    const { snapshot, paths } = way
    const wanted = { snapshot, mode: 'in_place' as const, count: 1, ...(paths && { paths }) }
    return executeGuarded(env, caller, {
      request,
      record: recordOf(provider, wanted),
      wait: { ms: PATIENCE_MS, provider },
      plan: async (ctx) => {
        const stored = await undoable(env, args.operation, caller)
        return knowingly(await planRestore(provider, wanted, ctx), stored)
      },
      work: async (planned, ctx, run) => {
        await beforeChange(claim(run))
        const { reply, facts } = await carryOut(env, provider, planned, ctx, run)
        const { changed, verified, warnings } = reply
        const told = {
          undid: args.operation,
          ...(changed && { changed }),
          ...(verified && { verified }),
          ...(warnings && { warnings }),
        }
        return { reply: told, ...(facts && { facts }) }
      },
    })
  }
  const { undelete } = provider
  if (!undelete) throw unsupported(name, 'take snapshots out of the trash', 'There is no way back.')
  return executeGuarded(env, caller, {
    request,
    plan: (ctx) => planUndelete(provider, way.snapshots, ctx),
    work: async ({ what, view }, ctx, run) => {
      await beforeChange(claim(run))
      await undelete(what, ctx)
      const { warnings } = view
      return { reply: { undid: args.operation, ...(warnings.length > 0 && { warnings }) } }
    },
  })
}

/** Has to be agreed to when it would take work along that was done after the operation. */
function knowingly(
  planned: Planned<RestorePlan>,
  { id, operation: { left } }: StoredOperation,
): Planned<RestorePlan> {
  if (left === planned.fingerprint || planned.idle) return planned
  const why =
    left === undefined
      ? `It is not known how ${id} left this: what was changed after it is replaced as well.`
      : `This was changed after ${id}: those changes are replaced as well.`
  const view = { ...planned.view, warnings: [why, ...planned.view.warnings] }
  // Where there is no way back, `if_irreversible` is the stricter one: it asks a person in every mode.
  return { ...planned, view, ...(view.reversible && { confirm: 'always' }) }
}

/** Only what is in the trash: a delete that was interrupted may have left some where they were. */
async function planUndelete(
  provider: Provider,
  natives: readonly string[],
  ctx: Context,
): Promise<Planned<string[]>> {
  const trashed: string[] = []
  const gone: string[] = []
  for (const native of natives) {
    const state = await provider.get(native, ctx).then(({ state }) => state, absent)
    if (state === 'trashed') trashed.push(native)
    else if (!state) gone.push(fullId(provider.name, native))
  }
  if (trashed.length === 0) {
    throw fail(
      'NOT_FOUND',
      'None of these snapshots is in the trash: they are back already, were not deleted after all, or are gone. Nothing was changed.',
      'snapshot_list shows what is there.',
    )
  }
  const ids = trashed.map((native) => fullId(provider.name, native))
  const them = ids.length === 1 ? `${ids[0]}` : `${ids.length} snapshots`
  return {
    what: trashed,
    view: {
      summary: `Take ${them} back out of the trash.`,
      effects: { snapshots: ids },
      reversible: true,
      warnings: gone.length > 0 ? [`No longer in the trash are ${gone.length}${someNames(gone)}.`] : [],
    },
    fingerprint: digest(ids),
    lock: shelfLock(provider.name),
    subject: ids[0] ?? '',
  }
}

function absent(error: unknown): undefined {
  if (error instanceof SnapshotError && error.code === 'NOT_FOUND') return undefined
  throw error
}

type Undoable = StoredOperation & { operation: Operation & { undo: NonNullable<Operation['undo']> } }

/** The operation, if this caller can undo it now; else the reason why not. */
async function undoable(
  { operations, clock }: Environment,
  id: string,
  { principal }: Caller,
): Promise<Undoable> {
  const stored = await operations.find(id, principal)
  if (!stored) {
    throw fail(
      'NOT_FOUND',
      `There is no operation ${id}. Nothing was changed.`,
      'snapshot_status lists what can be undone.',
    )
  }
  const { undo, undo_until, type, state, undone_by } = stored.operation
  if (stored.operation.state === 'running') {
    throw fail('BUSY', `${id} is still running. Nothing was changed.`, 'Wait for its end, then call again.', {
      retry_after_ms: 2000,
    })
  }
  if (!undo) {
    const didNothing = state === 'failed' || state === 'declined'
    throw fail(
      didNothing ? 'CONFLICT' : 'UNSUPPORTED',
      didNothing
        ? `${id} changed nothing, so there is nothing to undo.`
        : `A ${type} like ${id} has no undo. Nothing was changed.`,
      type === 'create' ? 'snapshot_delete removes a snapshot.' : 'snapshot_status lists what can be undone.',
    )
  }
  if (undone_by && (await isUndone(operations, stored, principal))) throw alreadyUndone(id, undone_by)
  if (undo_until !== undefined && clock() >= Date.parse(undo_until)) {
    throw fail(
      'CONFLICT',
      `${id} could be undone until ${undo_until}; that is over. Nothing was changed.`,
      'snapshot_list with include_auto:true shows whether its safety snapshot still exists.',
    )
  }
  return { ...stored, operation: { ...stored.operation, undo } }
}

/** An undo that failed half way, or whose process died, does not count: it may be tried again. */
export async function isUndone(
  operations: Operations,
  { operation }: StoredOperation,
  principal: string,
): Promise<boolean> {
  const by = operation.undone_by && (await operations.find(operation.undone_by, principal))
  return Boolean(by && ['running', 'done'].includes(by.operation.state))
}

function alreadyUndone(id: string, by: string) {
  return fail(
    'CONFLICT',
    `${id} was already undone by ${by}. Nothing was done now.`,
    `snapshot_undo with ${by} takes that back, if it can be undone.`,
    { operation: by },
  )
}
