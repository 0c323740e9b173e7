import { digest } from '../guard/digest.ts'
import type { GuardRequest, Planned } from '../guard/guard-api.ts'
import type { Caller, Question } from './caller.ts'
import { chooseProvider, contextFor, type Environment, fullId, locate, shelfLock } from './environment.ts'
import { fail } from './errors.ts'
import { executeGuarded, type Job } from './execute.ts'
import { durationMs, type Snapshot } from './model.ts'
import type { Context, DeletePlan, Provider } from './provider.ts'
import type { DeleteReply } from './replies.ts'
import type { DeleteArgs, PruneArgs } from './requests.ts'
import { planView } from './restore.ts'
import { hasRule, type Retention, selectForRemoval } from './retention.ts'

/** Deletes the named snapshots. */
export async function remove(
  env: Environment,
  args: DeleteArgs,
  caller: Caller,
): Promise<DeleteReply | Question> {
  const snapshots = [...new Set(args.snapshots)]
  const located = await Promise.all(snapshots.map((id) => locate(env, id)))
  const provider = located[0]?.provider as Provider
  if (located.some((each) => each.provider.name !== provider.name)) {
    throw fail(
      'INVALID_ARGUMENT',
      'These snapshots belong to several providers. Nothing was deleted.',
      'Call once for each provider.',
    )
  }
  const natives = located.map(({ native }) => native)
  const request = { ...requestOf('delete', provider, args), targets: snapshots, args: { ...args, snapshots } }
  return executeGuarded(env, caller, {
    request,
    plan: async (ctx) => plannedRemoval(provider, await provider.planDelete(natives, ctx), snapshots, ctx),
    ...removal(provider),
  })
}

/** Deletes what a retention rule does not keep. */
export async function prune(
  env: Environment,
  args: PruneArgs,
  caller: Caller,
): Promise<DeleteReply | Question> {
  const rules: Retention = {
    keep_last: args.keep_last,
    keep_hourly: args.keep_hourly,
    keep_daily: args.keep_daily,
    keep_weekly: args.keep_weekly,
    older_than_ms: args.older_than === undefined ? undefined : durationMs(args.older_than),
  }
  if (!hasRule(rules)) {
    throw fail(
      'INVALID_ARGUMENT',
      'Without a rule everything but the newest snapshot would go. Nothing was deleted.',
      'Give at least one of keep_last, keep_hourly, keep_daily, keep_weekly (above 0) or older_than.',
    )
  }
  const provider = await chooseProvider(env, args.provider, args.source)
  await env.guard.permit({ type: 'prune', provider: provider.name }, caller)
  const reversible = provider.capabilities.deletion === 'trash'
  const select = async (ctx: Context) => {
    const all = await listAll(provider, args.source, ctx)
    const due = selectForRemoval(all, rules, env.clock())
    return env.guard.removable(due, all, { provider: provider.name, reversible })
  }

  const runsNow = !args.dry_run && args.confirmation === undefined && !caller.answer
  if (runsNow && (await select(contextFor(env, caller, env.operations.newId()))).length === 0) {
    return { status: 'done', deleted: [] }
  }
  return executeGuarded(env, caller, {
    request: { ...requestOf('prune', provider, args), targets: args.source ? [args.source] : [], args },
    plan: async (ctx) => {
      const selected = await select(ctx)
      const ids = selected.map(({ id }) => id)
      if (ids.length === 0) return nothingToPrune(provider, ctx)
      const plan = await provider.planDelete(selected.map(nativeOf), ctx)
      const planned = plannedRemoval(provider, plan, ids, ctx)
      return { ...planned, fingerprint: digest([ids, plan.fingerprint]) }
    },
    ...removal(provider),
  })
}

function requestOf(
  type: 'delete' | 'prune',
  provider: Provider,
  { confirmation, dry_run }: DeleteArgs | PruneArgs,
) {
  return { type, provider: provider.name, confirmation, dry_run, confirm: 'always' } satisfies Partial<
    GuardRequest<unknown>
  >
}

function plannedRemoval(
  provider: Provider,
  plan: DeletePlan,
  ids: readonly string[],
  ctx: Context,
): Planned<DeletePlan> {
  return {
    what: plan,
    view: planView(plan),
    fingerprint: plan.fingerprint,
    lock: shelfLock(provider.name),
    subject: ids[0] ?? '',
    removes: { snapshots: plan.snapshots, shelf: () => listAll(provider, undefined, ctx) },
  }
}

function nothingToPrune(provider: Provider, ctx: Context): Planned<DeletePlan> {
  const nothing: DeletePlan = {
    snapshots: [],
    summary: 'Nothing to prune: the rules keep every snapshot.',
    effects: { snapshots: 0 },
    reversible: true,
    warnings: [],
    fingerprint: digest([]),
  }
  return plannedRemoval(provider, nothing, [], ctx)
}

/** How a planned removal is done and undone. */
function removal(provider: Provider): Pick<Job<DeletePlan, Omit<DeleteReply, 'status'>>, 'undo' | 'work'> {
  return {
    // On record before the first one goes, so that a crash half way through can be undone as well.
    undo: ({ what, view }) =>
      view.reversible && provider.undelete && what.snapshots.length > 0
        ? { kind: 'undelete', snapshots: what.snapshots.map(nativeOf) }
        : undefined,
    work: async ({ what }, ctx, run) => {
      if (what.snapshots.length === 0) return { reply: { deleted: [] } }
      const { deleted, failed, freed_bytes } = await provider.delete(what, ctx)
      const undo =
        run.operation.undo && deleted.length > 0
          ? { kind: 'undelete' as const, snapshots: deleted }
          : undefined
      const gone = deleted.map((native) => fullId(provider.name, native))
      const stayed = failed.map((each) => ({ ...each, snapshot: fullId(provider.name, each.snapshot) }))
      return {
        facts: { undo },
        removed: { gone, left: stayed.map(({ snapshot }) => snapshot) },
        reply: {
          deleted: gone,
          ...(stayed.length > 0 && { failed: stayed }),
          ...(freed_bytes !== undefined && { freed_bytes }),
        },
      }
    },
  }
}

const nativeOf = ({ id, provider }: Snapshot) => id.slice(provider.length + 1)

/** All pages or an error: to prune after a part of the list would remove what the rest speaks for. */
async function listAll(provider: Provider, text: string | undefined, ctx: Context): Promise<Snapshot[]> {
  const source = text === undefined ? undefined : await provider.resolveSource(text, ctx)
  const all: Snapshot[] = []
  let cursor: string | undefined
  do {
    const page = await provider.list(
      {
        ...(source && { source }),
        include_auto: false,
        include_trashed: false,
        limit: 100,
        ...(cursor !== undefined && { cursor }),
      },
      ctx,
    )
    if (page.next !== undefined && page.next === cursor) {
      throw fail(
        'PROVIDER_BUG',
        `The list of "${provider.name}" does not end. Nothing was deleted.`,
        'Try again.',
      )
    }
    all.push(...page.items)
    cursor = page.next
  } while (cursor !== undefined)
  return all
}
