import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { busy, cancelled } from './lock-refusals.ts'
import type { RawVersion, Records } from './records.ts'
import { hasEnded, isCheckable, Runner, thisRunner } from './runner.ts'
import type { Lock, StateStore } from './state-store.ts'

/**
 * A lock is a record too: whoever writes its next version holds it. The holder touches its version from time to time: by
 * this they know it who cannot look for its process, because that runs or ran on another machine or in another
 * container, or because its pid may be another's by now.
 */
const LockRecord = z.object({
  /** `token` tells two holders in one process apart. */
  holder: Runner.extend({ token: z.string() }).nullable(),
  what: z.string(),
  since: z.string(),
})
type LockRecord = z.infer<typeof LockRecord>

const BEAT_MS = 5_000
/** After this long without a sign of life, by the clock of the file system, such a holder is taken for dead. */
const SILENCE_MS = 60_000
/** And only who saw no sign for longer than a beat by a clock that nobody sets: the other one may have jumped. */
const WATCH_MS = 7_000

export interface LocksOptions {
  records: Records
  clock: () => number
  /** Milliseconds that only rise. */
  uptime?: () => number
  random: (size: number) => Buffer
}

export function createLocks(options: LocksOptions): StateStore['lock'] {
  const { records, clock, random, uptime = () => performance.now() } = options
  /** The last sign of life of holders that nothing else tells of, and since when there was no other. */
  const watched = new Map<string, { sign: string; since: number }>()

  // Not flushed to the disk: a lock need not survive a power cut, for neither does its holder.
  const put = (name: string, holder: LockRecord['holder'], after: number) => {
    const record: LockRecord = { holder, what: name, since: new Date(clock()).toISOString() }
    return records.write('lock', name, record, after, { durable: false })
  }

  return async (name, { wait_ms = 10_000, signal } = {}) => {
    const token = random(12).toString('hex')
    let pause = 4
    for (let waited = 0; ; waited += pause) {
      if (signal?.aborted) throw cancelled()
      const current = await records.newest('lock', name)
      const held = current && holderOf(current)
      if (!held || (await isGone(name, current, held))) {
        const version = await put(name, { ...thisRunner(), token }, current?.version ?? 0)
        watched.delete(name)
        if (version !== undefined) return createLock(name, version, token)
      }
      if (waited >= wait_ms) throw busy(wait_ms)
      // Growing and uneven, so that many who wait do not come in step.
      pause = Math.min(pause * 2, 100) * (0.75 + (random(1)[0] ?? 0) / 1024)
      await sleep(pause, undefined, { signal }).catch(() => {})
    }
  }

  async function isGone(name: string, { version }: RawVersion, holder: Runner): Promise<boolean> {
    if (hasEnded(holder)) return true
    // Where it is not known when it was started, a pid alone does not say whose it is.
    if (isCheckable(holder) && holder.start_time !== undefined) return false
    return isSilent(name, version)
  }

  async function isSilent(name: string, version: number): Promise<boolean> {
    const lastSign = await records.writtenAt('lock', name)
    if (lastSign === undefined) return false
    const sign = `${version} ${lastSign}`
    const before = watched.get(name)
    if (before?.sign !== sign) {
      watched.set(name, { sign, since: uptime() })
      return false
    }
    if (uptime() - before.since <= WATCH_MS) return false
    return (await records.now('lock', name)) - lastSign > SILENCE_MS
  }

  function createLock(name: string, version: number, token: string): Lock {
    let isWanted = true
    // What fails is tried again with the next beat; it does not keep the process alive either.
    const heart = setInterval(() => {
      void (isWanted ? records.touch('lock', name, version) : giveBack()).catch(() => {})
    }, BEAT_MS).unref()

    const held = async () => {
      const current = await records.newest('lock', name)
      return current?.version === version && holderOf(current)?.token === token
    }
    const giveBack = async () => {
      // One that somebody took over is not ours to give back. On a full disk a torn record is a free lock, too.
      if (await held()) await put(name, null, version).catch(() => records.blank('lock', name, version))
      clearInterval(heart)
    }
    return {
      held,
      release() {
        isWanted = false
        return giveBack()
      },
    }
  }
}

/**
 * A torn lock record is a free lock: a process that dies cannot leave one, only a power cut can, and whoever held the
 * lock did not survive that.
 */
function holderOf({ text }: RawVersion): LockRecord['holder'] {
  try {
    return LockRecord.parse(JSON.parse(text)).holder
  } catch {
    return null
  }
}
