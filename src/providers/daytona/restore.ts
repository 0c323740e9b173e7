import { z } from 'zod'
import { fail, SnapshotError } from '../../snapshots/errors.ts'
import type { Interrupted } from '../../snapshots/interrupted.ts'
import type { Source } from '../../snapshots/model.ts'
import type { Context, Provider, RestoreRequest, RestoreResult } from '../../snapshots/provider.ts'
import { DaytonaRestore } from '../../snapshots/requests.ts'
import { neverBegun, stalePlan } from '../refusals.ts'
import { type Cloud, counting } from './cloud.ts'
import { Copy, createCopies, type KnownCopy, OPERATION } from './copies.ts'
import { saysInactive } from './dialect.ts'
import type { Listing } from './listing.ts'
import { copyNames } from './names.ts'
import { planRestore, type RestoreOptions } from './restore-plan.ts'
import { FORKED, restoreWarnings } from './restore-warnings.ts'
import type { SandboxRecord, SnapshotRecord } from './schemas.ts'
import { DAYTONA, PROVIDER, sandboxBehind } from './view.ts'

/** What is on record of a restore: those that have been asked for, in order, the last one perhaps in vain. */
const Facts = z.object({ wanted: z.number(), forked: z.boolean(), copies: z.array(Copy) })
type Facts = z.infer<typeof Facts>

/** A sandbox that was asked for: as it was answered, or before this process began. */
type Begun = readonly [KnownCopy, SandboxRecord | 'before']

type Activate = (record: SnapshotRecord, ctx: Context) => Promise<SnapshotRecord>

/** A snapshot comes back as a new sandbox, or as several. */
export function createRestoring(
  cloud: Cloud,
  listing: Listing,
  activate: Activate,
): Pick<Provider, 'planRestore' | 'restore'> & {
  resume(interrupted: Interrupted<RestoreRequest>, ctx: Context): Promise<RestoreResult>
} {
  const copies = createCopies(cloud)

  /** The request for a sandbox; an inactive snapshot is activated when it is refused for that, once. */
  function ask(record: SnapshotRecord, options: RestoreOptions, warnings: string[], ctx: Context) {
    const { region = cloud.region, auto_stop_minutes: autoStopInterval } = options
    return async ({ name, label }: Copy, index: number): Promise<SandboxRecord> => {
      if (options.fork) return cloud.api.forkSandbox(sandboxBehind(record)!, { name }, ctx)
      const body = {
        ...{ name, snapshot: record.id, labels: { [OPERATION]: label, 'snapshot-mcp.index': String(index) } },
        ...(region !== undefined && { target: region }),
        ...(autoStopInterval !== undefined && { autoStopInterval }),
      }
      try {
        return await cloud.api.createSandbox(body, ctx)
      } catch (error) {
        if (!(error instanceof SnapshotError) || !saysInactive(error)) throw error
        await activate(record, ctx)
        warnings.push('The snapshot was inactive and has been activated.')
        return cloud.api.createSandbox(body, ctx)
      }
    }
  }

  async function finish(
    facts: Facts,
    begun: readonly Begun[],
    warnings: readonly string[],
    ctx: Context,
  ): Promise<RestoreResult> {
    const made: SandboxRecord[] = []
    const failures: SnapshotError[] = []
    for (const [copy, sandbox] of begun) {
      try {
        made.push(await copies.started(copy, sandbox, ctx))
      } catch (error) {
        if (!(error instanceof SnapshotError) || error.problem.outcome === 'unknown') throw error
        failures.push(error)
      }
    }
    for (const { id, name } of made) cloud.names.tell(id, name)
    const targets = made.map(sourceOf)
    if (failures[0]) throw onlySome(failures[0], facts.wanted, targets)
    return { targets, warnings: [...(facts.forked ? [FORKED] : []), ...warnings, ...restoreWarnings(made)] }
  }

  return {
    planRestore: (request, ctx) => planRestore(cloud, listing, request, ctx),

    async restore(plan, given) {
      const ctx = counting(given)
      const { request } = plan
      const fresh = await planRestore(cloud, listing, request, ctx)
      if (fresh.fingerprint !== plan.fingerprint) throw stalePlan(DAYTONA)
      const record = await listing.record(request.snapshot, ctx)
      const options = DaytonaRestore.parse(request.options ?? {})
      const forked = options.fork === true
      const facts: Facts = { wanted: request.count, forked, copies: [] }
      const warnings: string[] = []
      const send = ask(record, options, warnings, ctx)
      const made: SandboxRecord[] = []
      const begun: Begun[] = []
      await given.stillHeld?.()
      for (const [index, name] of copyNames(request, record.name, ctx.operation).entries()) {
        const copy: Copy = {
          name,
          ...(forked ? { fork_of: sandboxBehind(record)! } : { label: ctx.operation }),
        }
        facts.copies.push(copy)
        await ctx.note?.(facts)
        try {
          const sandbox = await copies.begin(copy, () => send(copy, index), ctx)
          copy.id = sandbox.id
          await ctx.note?.(facts)
          made.push(sandbox)
          begun.push([{ ...copy, id: sandbox.id }, sandbox])
          if (forked) await copies.forked(sandboxBehind(record)!, ctx)
        } catch (error) {
          if (!(error instanceof SnapshotError) || error.problem.outcome === 'unknown') throw error
          throw onlySome(error, facts.wanted, made.map(sourceOf))
        }
      }
      return finish(facts, begun, warnings, ctx)
    },

    async resume({ facts: noted }, given) {
      const ctx = counting(given)
      const parsed = Facts.safeParse(noted)
      if (!parsed.success) throw neverBegun('snapshot_restore', DAYTONA)
      const facts = parsed.data
      const begun: Begun[] = []
      for (const copy of facts.copies) {
        const id = copy.id ?? (await copies.find(copy, ctx))?.id
        if (id !== undefined) begun.push([{ ...copy, id }, 'before'])
      }
      if (begun.length === 0) throw neverBegun('snapshot_restore', DAYTONA)
      const result = await finish(facts, begun, [], ctx)
      if (begun.length === facts.wanted) return result
      throw onlySome(interrupted(), facts.wanted, result.targets ?? [])
    },
  }
}

const sourceOf = ({ id, name }: SandboxRecord): Source => ({ kind: 'sandbox', id, name: name || id })

/** The failure of one copy, with what is to be known of the others. */
function onlySome(error: SnapshotError, wanted: number, targets: readonly Source[]): SnapshotError {
  if (targets.length === 0) return error
  const { problem } = error
  const message = `${problem.message} ${targets.length} of the ${wanted} sandboxes are there.`
  const details = { targets, ...(problem.details as object | undefined) }
  return new SnapshotError({ ...problem, message, outcome: 'partial', retryable: false, details }, error)
}

const interrupted = () =>
  fail(
    'NETWORK',
    'The process ended before all had been asked for.',
    'Call snapshot_restore again with the count that is missing.',
    { provider: PROVIDER },
  )
