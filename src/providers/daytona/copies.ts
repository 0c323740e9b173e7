import { z } from 'zod'
import { fail, SnapshotError } from '../../snapshots/errors.ts'
import type { Source } from '../../snapshots/model.ts'
import { quotedName } from '../../snapshots/plain.ts'
import type { Context } from '../../snapshots/provider.ts'
import type { CallContext } from '../http/exchange.ts'
import { lookFor, sendOnce } from '../once.ts'
import { waitFor } from '../wait.ts'
import { CLOCK_SKEW_MS, FIRST_LOOK_MS, PATIENCE } from './assumptions.ts'
import type { Cloud } from './cloud.ts'
import type { SandboxRecord } from './schemas.ts'
import { PROVIDER, reasonOf } from './view.ts'

/** One new sandbox: how it is asked for, and how it is known. Kept as a fact of the operation. */
export const Copy = z.object({
  name: z.string(),
  /** Milliseconds since the epoch, before it was sent. */
  since: z.number(),
  /** As soon as it is known. */
  id: z.string().optional(),
  /** Of the operation. A fork carries the labels of its sandbox instead. */
  label: z.string().optional(),
})
export type Copy = z.infer<typeof Copy>

/** The label by which a sandbox is known as ours. */
export const OPERATION = 'snapshot-mcp.operation'

const ENDS: ReadonlySet<string> = new Set(['started', 'error', 'build_failed', 'destroyed', 'destroying'])

export interface Copies {
  /** Sends the request, once. */
  begin(copy: Copy, send: () => Promise<SandboxRecord>, ctx: Context): Promise<SandboxRecord>
  /** What came of a request of another process; undefined when it is certain enough that there is nothing. */
  find(copy: Copy, ctx: Context): Promise<SandboxRecord | undefined>
  /** Waits until it runs. One that does not start is taken away again. */
  started(copy: Copy, sandbox: SandboxRecord, ctx: Context): Promise<Source>
  /** Waits until a sandbox has been forked: until then it cannot be forked again. */
  forked(source: string, ctx: Context): Promise<void>
}

export function createCopies(cloud: Cloud): Copies {
  const { api } = cloud

  async function look(copy: Copy, ctx: CallContext): Promise<SandboxRecord | undefined> {
    const found = await api.findSandbox(copy.id ?? copy.name, ctx)
    return found && isOurs(found, copy) ? found : undefined
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
    async started(copy, sandbox, ctx) {
      const last = await waitFor<SandboxRecord>(
        {
          what: `The start of the sandbox ${quotedName(copy.name)}`,
          initial: sandbox,
          read: (call) => api.sandbox(sandbox.id, call),
          settled: ({ state }) => ENDS.has(state ?? ''),
          describe: ({ state }) => `sandbox ${copy.name} is ${state}`,
          gone() {
            throw broken(copy, 'it was deleted by somebody else')
          },
          ...{ firstMs: FIRST_LOOK_MS, timeoutMs: PATIENCE.start },
        },
        cloud,
        ctx,
      )
      if (last.state !== 'started')
        throw await discard({ ...copy, id: last.id }, reasonOf(last.errorReason), ctx)
      cloud.names.tell(last.id, last.name)
      return { kind: 'sandbox', id: last.id, name: last.name || last.id }
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

const isBroken = ({ state }: SandboxRecord) => state === 'error' || state === 'build_failed'

function isOurs({ labels, createdAt, name, id }: SandboxRecord, copy: Copy): boolean {
  if (copy.id !== undefined && copy.id !== id) return false
  if (copy.label !== undefined) return labels?.[OPERATION] === copy.label
  const made = Date.parse(createdAt ?? '')
  return name === copy.name && made >= copy.since - CLOCK_SKEW_MS
}

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
