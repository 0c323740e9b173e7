/** Who came when within the last minute, as far as this process knows. */
export interface Window {
  /** 0 when it may come now, and is counted; else the milliseconds until it may. */
  admit(who: string, most: number): number
}

const MINUTE = 60_000
/** A minute is counted in so many parts: what is forgotten at once is a part. */
const PARTS = 60
const PART = MINUTE / PARTS

/** `clock` only has to rise. What nobody asks for any more is forgotten. */
export function createWindow(clock: () => number): Window {
  const counts = new Map<string, Map<number, number>>()
  let swept = 0

  return {
    admit(who, most) {
      const part = Math.floor(clock() / PART)
      if (part - swept >= PARTS) {
        swept = part
        for (const [name, parts] of counts) if (Math.max(...parts.keys()) <= part - PARTS) counts.delete(name)
      }
      const parts = counts.get(who) ?? new Map<number, number>()
      counts.set(who, parts)
      let sum = 0
      let oldest = part
      for (const [at, count] of parts) {
        if (at <= part - PARTS) parts.delete(at)
        else {
          sum += count
          oldest = Math.min(oldest, at)
        }
      }
      if (sum >= most) return Math.max(1, (oldest + PARTS) * PART - clock())
      parts.set(part, (parts.get(part) ?? 0) + 1)
      return 0
    },
  }
}
