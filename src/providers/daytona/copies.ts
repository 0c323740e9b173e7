import { z } from 'zod'
import { fail, SnapshotError } from '../../snapshots/errors.ts'
import { plain, quotedName } from '../../snapshots/plain.ts'
import type { Context } from '../../snapshots/provider.ts'
import type { CallContext } from '../http/exchange.ts'
import { lookFor, sendOnce } from '../once.ts'
import { deletedMeanwhile } from '../refusals.ts'
import { waitFor } from '../wait.ts'
import { FIRST_LOOK_MS, PATIENCE } from './assumptions.ts'
import type { Cloud } from './cloud.ts'
import type { SandboxRecord } from './schemas.ts'
import { DAYTONA, PROVIDER, reasonOf } from './view.ts'

/** One new sandbox: how it is asked for, and how it is known. Kept as a fact of the operation. */
export const Copy = z.object({
  name: z.string(),
  /** As soon as it is known. */
  id: z.string().optional(),
  /** Of the operation. A fork carries the labels of its sandbox instead. */
  label: z.string().optional(),
  /** The sandbox that a fork is made of. */
  fork_of: z.string().optional(),
})
export type Copy = z.infer<typeof Copy>

/** The label by which a sandbox is known as ours. */
export const OPERATION = 'snapshot-mcp.operation'

export interface Copies {
  /** Sends the request, once. */
  begin(copy: Copy, send: () => Promise<SandboxRecord>, ctx: Context): Promise<SandboxRecord>
  /** What came of a request of another process; undefined when it is certain enough that there is nothing. */
  find(copy: Copy, ctx: Context): Promise<SandboxRecord | undefined>
  /**
   * Waits until it runs, or has run. One that does not start is taken away again where it was made just now: of an older
   * one nobody knows who has worked in it since.
   */
  started(copy: KnownCopy, made: SandboxRecord | 'before', ctx: Context): Promise<SandboxRecord>
  /** Waits until a sandbox has been forked: until then it cannot be forked again. */
  forked(source: string, ctx: Context): Promise<void>
}

export type KnownCopy = Copy & { id: string }

export function createCopies(cloud: Cloud): Copies {
  const { api } = cloud

  /** A new sandbox has the label of its operation. A fork can only be known by its name and by what it was made of. */
  async function look(
    { id, name, label, fork_of }: Copy,
    ctx: CallContext,
  ): Promise<SandboxRecord | undefined> {
    if (id !== undefined) return api.findSandbox(id, ctx)
    if (fork_of !== undefined) return (await api.forks(fork_of, ctx)).find((fork) => fork.name === name)
    const found = await api.findSandbox(name, ctx)
    return label !== undefined && found?.labels?.[OPERATION] === label ? found : undefined
  }
  const finds = (copy: Copy) => (ctx: CallContext) => look(copy, ctx)

  /** Why the sandbox that the vendor could not start is no more, or is still there. */
  async function discard(copy: Copy, reason: string, ctx: Context): Promise<SnapshotError> {
    try {
      const left = await look(copy, ctx)
      // Only what is broken, and only what this operation has made.
      if (left && isBroken(left)) await api.removeSandbox(left.id, ctx)
      else if (left) return broken(copy, reason, left.id)
      return broken(copy, reason)
    } catch (error) {
      if (!(error instanceof SnapshotError)) throw error
      ctx.log.warn('a sandbox that did not start was not removed', { name: copy.name, error })
      return error.code === 'NOT_FOUND' ? broken(copy, reason) : broken(copy, reason, copy.id ?? copy.name)
    }
  }

  return {
    async begin(copy, send, ctx) {
      try {
        return await sendOnce({ send, find: finds(copy) }, cloud, ctx)
      } catch (error) {
        if (!(error instanceof SnapshotError) || error.problem.outcome !== 'partial') throw error
        throw await discard(copy, error.message, ctx)
      }
    },
    find: (copy, ctx) => lookFor(finds(copy), cloud, ctx),
    async started(copy, made, ctx) {
      const last = await waitFor<SandboxRecord>(
        {
          what: `The start of the sandbox ${quotedName(copy.name)}`,
          ...(made !== 'before' && { initial: made }),
          read: (call) => api.sandbox(copy.id, call),
          settled: (seen) => isGone(seen) || isBroken(seen) || hasStarted(seen),
          describe: ({ state }) => `sandbox ${copy.name} is ${plain(state ?? 'unknown', 30)}`,
          gone(cause) {
            throw deleted(copy, cause)
          },
          ...{ firstMs: FIRST_LOOK_MS, timeoutMs: PATIENCE.start },
        },
        cloud,
        ctx,
      )
      if (isGone(last)) throw deleted(copy)
      if (!isBroken(last)) return last
      const reason = reasonOf(last.errorReason)
      throw made === 'before' ? broken(copy, reason, copy.id) : await discard(copy, reason, ctx)
    },
    async forked(source, ctx) {
      await waitFor(
        {
          what: 'The fork',
          read: (call) => api.sandbox(source, call),
          settled: ({ state }) => state !== 'forking',
          describe: () => 'the sandbox is being forked',
          ...{ firstMs: FIRST_LOOK_MS, timeoutMs: PATIENCE.start },
        },
        cloud,
        ctx,
      )
    },
  }
}

const isIn =
  (...states: string[]) =>
  ({ state }: SandboxRecord) =>
    states.includes(state ?? '')

const isBroken = isIn('error', 'build_failed')
const isGone = isIn('destroying', 'destroyed')
const runs = isIn('started', 'snapshotting', 'forking', 'resizing')
const rests = isIn('stopping', 'stopped', 'archiving', 'archived', 'pausing', 'paused')

/** Whether it has run and been stopped since, by somebody or by itself, and is not just being started again. */
export const hasStopped = (sandbox: SandboxRecord) => rests(sandbox) && sandbox.desiredState !== 'started'

const hasStarted = (sandbox: SandboxRecord) => runs(sandbox) || hasStopped(sandbox)

const deleted = ({ name }: Copy, cause?: unknown) =>
  deletedMeanwhile(`The sandbox ${quotedName(name)}`, 'snapshot_restore', DAYTONA, cause)

function broken({ name }: Copy, reason: string, left?: string): SnapshotError {
  const what = left === undefined ? 'Nothing is left of it.' : 'It is still there and has to be removed.'
  return fail(
    'PROVIDER_UNAVAILABLE',
    `The sandbox ${quotedName(name)} did not start: ${reasonOf(reason).replace(/\.*$/, '')}. ${what}`,
    left === undefined
      ? 'Call snapshot_restore again later.'
      : 'Delete that sandbox in the Daytona dashboard, then call snapshot_restore again.',
    {
      provider: PROVIDER,
      outcome: left === undefined ? 'not_started' : 'partial',
      retryable: left === undefined,
      ...(left !== undefined && { details: { sandbox: left } }),
    },
  )
}
