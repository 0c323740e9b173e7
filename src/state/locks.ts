import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { fail } from '../snapshots/errors.ts'
import type { RawVersion, Records } from './records.ts'
import { hasEnded, isCheckable, Runner, thisRunner } from './runner.ts'
import type { Lock, StateStore } from './state-store.ts'

/**
 * A lock is a record too: whoever writes its next version holds it, and the version is the fence. The holder touches
 * its version from time to time: by this they know it who cannot look for its process, because that runs or ran on
 * another machine or in another container.
 */
const LockRecord = z.object({
  /** `token` tells two holders in one process apart. */
  holder: Runner.extend({ token: z.string() }).nullable(),
  what: z.string(),
  since: z.string(),
})
type LockRecord = z.infer<typeof LockRecord>

const BEAT_MS = 5_000
/** After this long without a sign of life a holder that cannot be checked is taken for dead. */
const SILENCE_MS = 60_000

export interface LocksOptions {
  records: Records
  clock: () => number
  random: (size: number) => Buffer
}

export function createLocks({ records, clock, random }: LocksOptions): StateStore['lock'] {
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
      if (!held || (await isGone(name, held))) {
        const fence = await put(name, { ...thisRunner(), token }, current?.version ?? 0)
        if (fence !== undefined) return createLock(name, fence, token)
      }
      if (waited >= wait_ms) throw busy(wait_ms)
      // Growing and uneven, so that many who wait do not come in step.
      pause = Math.min(pause * 2, 100) * (0.75 + (random(1)[0] ?? 0) / 1024)
      await sleep(pause, undefined, { signal }).catch(() => {})
    }
  }

  async function isGone(name: string, holder: Runner): Promise<boolean> {
    if (isCheckable(holder)) return hasEnded(holder)
    const lastSign = await records.writtenAt('lock', name)
    return lastSign !== undefined && clock() - lastSign > SILENCE_MS
  }

  function createLock(name: string, fence: number, token: string): Lock {
    // A beat that fails is one beat less; it does not keep the process alive either.
    const heart = setInterval(() => void records.touch('lock', name, fence).catch(() => {}), BEAT_MS).unref()
    return {
      fence,
      async held() {
        const current = await records.newest('lock', name)
        return current?.version === fence && holderOf(current)?.token === token
      },
      async release() {
        clearInterval(heart)
        // Loses only to somebody who took the lock over, and then it is not ours to give back.
        await put(name, null, fence)
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

function busy(wait_ms: number) {
  return fail(
    'BUSY',
    `Another operation works on the same target and did not end within ${Math.round(wait_ms / 1000)} s. Nothing was changed.`,
    'Wait for it (snapshot_status shows what is running), then make the same call again.',
    { retry_after_ms: 2000 },
  )
}

function cancelled() {
  return fail(
    'CANCELLED',
    'Cancelled while waiting for another operation on the same target. Nothing was changed.',
    'Make the call again when it is wanted.',
  )
}
