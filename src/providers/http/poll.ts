import { fail, SnapshotError } from '../../snapshots/errors.ts'
import type { Context } from '../../snapshots/provider.ts'
import type { CallContext } from './exchange.ts'
import { bounded, realTime, type Time } from './time.ts'

export interface PollOptions<T> {
  /** Looks once. To be gone is a value, too, where that is what is waited for. */
  read(ctx: CallContext): Promise<T>
  /** False for every state that may still pass, and for those that nobody knows. */
  settled(value: T): boolean
  /** What the provider is doing, for progress. */
  describe(value: T): string
  /** What is known already. It is judged first, and the first look comes after a pause. */
  initial?: T
  /** The first pause. The next ones grow to 15 seconds. */
  firstMs: number
  /** With 0 it looks once, or not at all when there is an initial value. */
  timeoutMs: number
  time?: Time
  random?: () => number
}

export interface Polled<T> {
  /** False when the wait ended first. What was started goes on. */
  settled: boolean
  /** As last seen; undefined when it never was. */
  value: T | undefined
  /** Whether the wait ended because its time was over. */
  late: boolean
  /**
   * Why nobody knows how it is now: CANCELLED by the caller, or what the last look failed with; TIMEOUT for one that was
   * still under way when the time was over. Absent when the last look was answered: then it is as `value` says.
   */
  error?: SnapshotError
}

/** The hint for whatever goes on without us. */
export const LATER =
  'snapshot_get with the id of the operation, or snapshot_status, finds out later what came of it.'

const GROWTH = 1.5
const LONGEST_MS = 15_000
/** How much longer than the whole wait a look that is under way may take. */
const GRACE_MS = 5_000

/** So many looks in a row may fail in a way that passes. */
const PATIENCE = 3
/**
 * NOT_FOUND is one of them, for what was just made is not shown at once everywhere, and PROVIDER_BUG, for a page in place of
 * an answer is mostly that of something in between.
 */
const PASSING: ReadonlySet<string> = new Set([
  'NOT_FOUND',
  'NETWORK',
  'TIMEOUT',
  'PROVIDER_UNAVAILABLE',
  'RATE_LIMITED',
  'PROVIDER_BUG',
])
/** A header that asks for more than this is not taken at its word: one look a minute harms nobody. */
const OBEYED_MS = 60_000

/** Looks again and again, with growing pauses, until the state is settled or the time is over. */
export async function poll<T>(
  options: PollOptions<T>,
  ctx: Pick<Context, 'signal' | 'progress' | 'log'>,
): Promise<Polled<T>> {
  const { read, settled, initial, timeoutMs, time = realTime, random = Math.random } = options
  if (initial !== undefined && settled(initial)) return { settled: true, value: initial, late: false }

  const began = time.now()
  const { signal, release } = bounded([ctx.signal], timeoutMs + GRACE_MS, time)
  const tell = progressOf(options, ctx, began, time)
  let value = initial
  let pause = initial === undefined ? 0 : options.firstMs
  let failures = 0
  let failed: SnapshotError | undefined
  const ended = (late: boolean, error = failed): Polled<T> => ({
    ...{ settled: false, value, late },
    ...(error && { error }),
  })
  try {
    for (let look = 0; ; look++) {
      const left = Math.max(0, began + timeoutMs - time.now())
      if (left === 0 && (look > 0 || initial !== undefined)) return ended(true)
      if (pause > 0) await time.sleep(Math.min(pause, left), signal)
      try {
        value = await read({ signal, log: ctx.log })
        if (settled(value)) return { settled: true, value, late: false }
        tell(value)
        failures = 0
        failed = undefined
        pause = nextPause(pause, options.firstMs, random)
      } catch (error) {
        if (signal.aborted || !(error instanceof SnapshotError)) throw error
        failures++
        failed = error
        if (failures > PATIENCE || !PASSING.has(error.code)) return ended(false)
        const asked = Math.min(error.problem.retry_after_ms ?? 0, OBEYED_MS)
        pause = Math.max(nextPause(pause, options.firstMs, random), asked)
      }
    }
  } catch (error) {
    if (ctx.signal.aborted) return ended(false, cancelled())
    if (signal.aborted) return ended(true, cutOff(error))
    throw error
  } finally {
    release()
  }
}

/** One tenth by chance, so that those who began together do not stay together. */
function nextPause(pause: number, firstMs: number, random: () => number): number {
  const next = pause === 0 ? firstMs : pause * GROWTH
  return Math.min(next, LONGEST_MS) * (0.9 + random() / 10)
}

/** In whole seconds, which have to rise. */
function progressOf<T>(
  { describe }: PollOptions<T>,
  ctx: Pick<Context, 'progress'>,
  began: number,
  time: Time,
) {
  let told = 0
  return (value: T) => {
    const seconds = Math.round((time.now() - began) / 1000)
    if (seconds <= told) return
    told = seconds
    ctx.progress(seconds, undefined, `${describe(value)} (${seconds} s)`)
  }
}

const OPEN = { outcome: 'unknown', retryable: false } as const

const cancelled = () => fail('CANCELLED', 'The wait was cancelled; what was started goes on.', LATER, OPEN)

/** A look that was stopped takes that for the wish of the caller, which it was not. */
const cutOff = (error: unknown) =>
  error instanceof SnapshotError && error.code !== 'CANCELLED'
    ? error
    : fail('TIMEOUT', 'The last look was not answered before the time was over.', LATER, {
        ...OPEN,
        cause: error,
      })
