import { setTimeout as sleep } from 'node:timers/promises'
import { busy, cancelled } from '../lock-refusals.ts'
import { hasEnded, isOfThisBoot, Runner, thisRunner } from '../runner.ts'
import type { Lock, StateStore } from '../state-store.ts'
import type { Ask } from './ask.ts'
import type { Keys } from './keys.ts'
import { BEAT, RELEASE, SILENCE_MS, TAKE } from './lock-scripts.ts'

/** A process that ends releases nothing: what it held can be taken when Redis heard no beat for SILENCE_MS. */
const BEAT_MS = 5_000

export interface LocksOptions {
  ask: Ask
  keys: Keys
  random: (size: number) => Buffer
}

/** A lock is a key that is free after a while by the clock of Redis, so that the clocks of the servers do not matter. */
export function createLocks({ ask, keys, random }: LocksOptions): StateStore['lock'] {
  return async (name, { wait_ms = 10_000, signal } = {}) => {
    const own = { name, token: random(12).toString('hex') }
    let pause = 4
    for (let waited = 0; ; waited += pause) {
      if (signal?.aborted) throw cancelled()
      const fence = await take(own)
      if (fence !== undefined) return createLock(own, fence)
      if (waited >= wait_ms) throw busy(wait_ms)
      // Growing and uneven, so that many who wait do not come in step.
      pause = Math.min(pause * 2, 100) * (0.75 + (random(1)[0] ?? 0) / 1024)
      await sleep(pause, undefined, { signal }).catch(() => {})
    }
  }

  /** The number it got, or undefined while somebody holds it who may be alive. */
  async function take({ name, token }: Own): Promise<number | undefined> {
    const names = [keys.held(name), keys.fence]
    const runner = JSON.stringify(thisRunner())
    const trial = (dead: string) => ask<Taken>(TAKE, names, () => [token, runner, dead, SILENCE_MS])
    const [fence, holder, whose] = await trial('')
    if (fence > 0) return fence
    if (!isGone(whose)) return undefined
    const [second] = await trial(holder ?? '')
    return second > 0 ? second : undefined
  }

  function createLock({ name, token }: Own, fence: number): Lock {
    let isWanted = true
    const mine = [token, fence] as const
    const held = async () => {
      const is = await ask<number>(BEAT, [keys.held(name)], () => [...mine, SILENCE_MS])
      return is === 1
    }
    const giveBack = async () => {
      await ask(RELEASE, [keys.held(name)], () => mine)
      clearInterval(heart)
    }
    // What fails is tried again with the next beat; it does not keep the process alive either.
    const heart = setInterval(() => void (isWanted ? held() : giveBack()).catch(() => {}), BEAT_MS).unref()
    return {
      held,
      release() {
        isWanted = false
        return giveBack()
      },
    }
  }
}

interface Own {
  name: string
  token: string
}

/** The number, or 0 with the token and the process of who holds it. */
type Taken = [fence: number, holder?: string, runner?: string]

/** A holder that ran on this machine, since it was booted, and has certainly ended need not be waited for. */
function isGone(runner = ''): boolean {
  try {
    const holder = Runner.parse(JSON.parse(runner))
    return isOfThisBoot(holder) && hasEnded(holder)
  } catch {
    return false
  }
}
