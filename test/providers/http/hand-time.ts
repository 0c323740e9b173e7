import type { Time } from '../../../src/providers/http/time.ts'

/** Time that passes by hand: sleeps take none of the real one, and alarms ring when a test says so. */
export interface HandTime extends Time {
  /** Milliseconds of each sleep, in order. */
  slept: number[]
  /** Called at the beginning of each sleep. */
  onSleep: (ms: number) => unknown
  /** Lets so much time pass, with its alarms. */
  pass(ms: number): void
  /** How many alarms are set. */
  alarms(): number
}

export function handTime(start = Date.UTC(2026, 10, 20, 12)): HandTime {
  let now = start
  const alarms = new Set<{ at: number; ring(): void }>()
  const next = () => [...alarms].sort((a, b) => a.at - b.at)[0]

  const time: HandTime = {
    slept: [],
    onSleep: () => {},
    now: () => now,
    async sleep(ms, signal) {
      signal.throwIfAborted()
      time.slept.push(Math.round(ms))
      await time.onSleep(ms)
      signal.throwIfAborted()
      time.pass(ms)
    },
    after(ms, ring) {
      const alarm = { at: now + ms, ring }
      alarms.add(alarm)
      return () => alarms.delete(alarm)
    },
    pass(ms) {
      const end = now + ms
      for (let due = next(); due && due.at <= end; due = next()) {
        alarms.delete(due)
        now = due.at
        due.ring()
      }
      now = end
    },
    alarms: () => alarms.size,
  }
  return time
}
