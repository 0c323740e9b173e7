/** At most so many calls in any stretch of time of that length. */
export interface Rate {
  calls: number
  perMs: number
}

export interface RateBudget {
  /** Milliseconds until a call may start. It counts as started then, unless that is `tooLong`. */
  take(now: number, tooLong: number): number
}

export function createRateBudget(rate: Rate | undefined): RateBudget {
  if (!rate) return { take: () => 0 }
  const { calls, perMs } = rate
  /** When the last ones start, oldest first. */
  let starts: number[] = []
  let latest = Number.NEGATIVE_INFINITY
  return {
    take(now, tooLong) {
      // A clock that was set back takes them along.
      const back = Math.max(0, latest - now)
      latest = now
      starts = starts.map((start) => start - back).filter((start) => start + perMs > now)
      const wait = starts.length < calls ? 0 : starts.at(-calls)! + perMs - now
      if (wait < tooLong) starts.push(now + wait)
      return wait
    },
  }
}
