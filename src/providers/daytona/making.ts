import { type ErrorCode, fail } from '../../snapshots/errors.ts'
import { plain, quotedName } from '../../snapshots/plain.ts'
import type { Context } from '../../snapshots/provider.ts'
import type { CallContext } from '../http/exchange.ts'
import { type Find, lookFor, sendOnce } from '../once.ts'
import { deletedMeanwhile } from '../refusals.ts'
import { waitFor } from '../wait.ts'
import { type Asked, isOurs } from './asked.ts'
import { FIRST_LOOK_MS, PATIENCE } from './assumptions.ts'
import { type BuildLog, followBuild } from './build-log.ts'
import type { Cloud } from './cloud.ts'
import type { SnapshotRecord } from './schemas.ts'
import { lookTwice } from './twice.ts'
import { DAYTONA, PROVIDER, reasonOf, stateOf } from './view.ts'

/**
 * How far a create is. Two generations of the server differ: the newer one has a record from the start; the older one
 * makes it when a capture has succeeded, and until then there is only the sandbox to look at, which looks the same after
 * a failure.
 */
export type Seen =
  | { at: 'record'; record: SnapshotRecord }
  /** No record yet, and the sandbox is busy. */
  | { at: 'capture' }
  /** No record, and the sandbox is not busy any more. */
  | { at: 'nothing'; reason: string | undefined }
  /** The name belongs to somebody else's. */
  | { at: 'another' }

export interface Making {
  asked: Asked
  send(ctx: Context): Promise<Seen>
}

/** Sends the request and waits until the snapshot is there. What was sent is on record before it is sent. */
export async function make(cloud: Cloud, { asked, send }: Making, ctx: Context): Promise<SnapshotRecord> {
  await ctx.note?.(asked)
  await ctx.stillHeld?.()
  const seen = await sendOnce({ send: () => send(ctx), find: finds(cloud, asked) }, cloud, ctx)
  return seeThrough(cloud, asked, seen, ctx)
}

/** The same for a request that another process has sent, or was about to send. */
export async function takeUp(cloud: Cloud, asked: Asked, ctx: Context): Promise<SnapshotRecord> {
  const seen = asked.id === undefined ? await lookFor(finds(cloud, asked), cloud, ctx) : undefined
  if (asked.id === undefined && seen === undefined) throw cameToNothing(asked)
  return seeThrough(cloud, asked, seen, ctx)
}

const finds =
  (cloud: Cloud, asked: Asked): Find<Seen> =>
  async (ctx) => {
    const seen = await look(cloud, asked, ctx)
    return seen.at === 'record' || seen.at === 'capture' ? seen : undefined
  }

/** Undefined stands for what nobody has looked at yet. */
async function seeThrough(
  cloud: Cloud,
  asked: Asked,
  first: Seen | undefined,
  ctx: Context,
): Promise<SnapshotRecord> {
  let known = asked
  let log: BuildLog | undefined
  const learn = async (seen: Seen): Promise<Seen> => {
    if (seen.at !== 'record') return seen
    const { id, state } = seen.record
    if (known.id === undefined) {
      known = { ...asked, id }
      await ctx.note?.(known)
    }
    // Before it is being built there is no log, and asking for one is an error.
    if (asked.dockerfile !== undefined && state !== 'pending') log ??= followBuild(cloud, id, ctx)
    return seen
  }
  try {
    const seen = await waitFor<Seen>(
      {
        what: 'The snapshot',
        ...(first && { initial: await learn(first) }),
        read: async (call) =>
          learn(await lookTwice((ctx) => look(cloud, known, ctx), isNothing, cloud, call)),
        settled: isEnd,
        describe: (now) =>
          now.at === 'record' ? `the snapshot is ${plain(now.record.state, 30)}` : 'the sandbox is captured',
        gone() {
          throw deleted(asked)
        },
        firstMs: FIRST_LOOK_MS,
        timeoutMs: asked.sandbox === undefined ? PATIENCE.recipe : PATIENCE.capture,
      },
      cloud,
      ctx,
    )
    await log?.end()
    return made(seen, known)
  } finally {
    log?.stop()
  }
}

async function look({ api }: Cloud, asked: Asked, ctx: CallContext): Promise<Seen> {
  if (asked.id !== undefined) return { at: 'record', record: await api.snapshot(asked.id, ctx) }
  const record = await api.findSnapshot(asked.name, ctx)
  if (record) return isOurs(record, asked) ? { at: 'record', record } : { at: 'another' }
  const sandbox = asked.sandbox === undefined ? undefined : await api.findSandbox(asked.sandbox, ctx)
  if (sandbox?.state === 'snapshotting') return { at: 'capture' }
  return { at: 'nothing', reason: sandbox?.errorReason ?? undefined }
}

/** A record and the end of a capture need not show at the same moment. */
const isNothing = ({ at }: Seen) => at === 'nothing'

function isEnd(seen: Seen): boolean {
  if (seen.at === 'capture') return false
  if (seen.at !== 'record') return true
  const state = stateOf(seen.record)
  return state !== 'creating' && state !== 'unknown'
}

/** The record of a snapshot that was made well, or the error that says what became of it. */
function made(seen: Seen, asked: Asked): SnapshotRecord {
  if (seen.at === 'another')
    throw fail(
      'ALREADY_EXISTS',
      `Somebody else took the name ${quotedName(asked.name)} meanwhile. No snapshot was made.`,
      'Call snapshot_create again with another name.',
      { provider: PROVIDER },
    )
  if (seen.at !== 'record') throw cameToNothing(asked, seen.at === 'nothing' ? seen.reason : undefined)
  const { record } = seen
  const state = stateOf(record)
  if (state === 'ready' || state === 'inactive') return record
  if (state === 'deleting') throw deleted(asked)
  throw fail(
    codeOf(asked, record.errorReason ?? ''),
    `The snapshot ${quotedName(asked.name)} could not be made: ${reasonOf(record.errorReason)}. What is left of it cannot be restored and keeps its name.`,
    `snapshot_delete with daytona:${record.id} removes what is left.`,
    {
      provider: PROVIDER,
      outcome: 'partial',
      retryable: false,
      details: { snapshot: `daytona:${record.id}` },
    },
  )
}

/** An image that is not there and a Dockerfile that does not build are for the caller to correct. */
function codeOf(asked: Asked, reason: string): ErrorCode {
  if (/time(d )?out/i.test(reason)) return 'TIMEOUT'
  return asked.sandbox === undefined ? 'INVALID_ARGUMENT' : 'PROVIDER_UNAVAILABLE'
}

const deleted = ({ name }: Asked) =>
  deletedMeanwhile(`The snapshot ${quotedName(name)}`, 'snapshot_create', DAYTONA)

function cameToNothing({ sandbox, name }: Asked, reason?: string) {
  const why = reason === undefined ? 'It does not say why' : `The sandbox says: ${reasonOf(reason)}`
  return fail(
    sandbox === undefined ? 'NOT_FOUND' : 'PROVIDER_UNAVAILABLE',
    `Nothing came of the request for the snapshot ${quotedName(name)}: Daytona has no record of it. ${why}. No snapshot was made.`,
    'Call snapshot_create again if it is still wanted.',
    { provider: PROVIDER, retryable: true },
  )
}
