import { uptime as secondsUp } from 'node:os'
import { z } from 'zod'
import { thisRunner } from '../../../state/runner.ts'
import { readPlainFile, replaceFile } from './plain-file.ts'

const Counted = z.object({
  /** Milliseconds counted so far. */
  passed: z.number().nonnegative(),
  /** What the clocks said then, in milliseconds: the wall's, and the one that runs since the boot. */
  wall: z.number(),
  uptime: z.number().nonnegative(),
  boot: z.string().optional(),
})
type Counted = z.infer<typeof Counted>

/** A machine that was off for longer counts as off for this long: its clock may be wrong by years after a boot. */
const MOST_BETWEEN_BOOTS_MS = 24 * 3_600_000
const MAX_BYTES = 64 * 1024
const WRITE_EVERY_MS = 60_000

export interface PassedTimeOptions {
  clock: () => number
  /** Milliseconds since the boot, time asleep included. */
  uptime?: () => number
}

/**
 * How long this store has existed, as far as its processes could tell, in milliseconds. Within one boot it follows the
 * clock that nobody can set, so that a wall clock that jumps ahead does not end what should last for days. Losing its
 * file, or a time of two processes in one write, makes it late and never early.
 */
export function createPassedTime(path: string, options: PassedTimeOptions): () => number {
  const { clock, uptime = () => secondsUp() * 1000 } = options
  return () => {
    const boot = thisRunner().boot_id
    const now = { wall: clock(), uptime: uptime(), ...(boot !== undefined && { boot }) }
    const last = read(path)
    const passed = last ? last.passed + since(last, now) : 0
    if (!last || passed - last.passed > WRITE_EVERY_MS || last.boot !== boot) write(path, { passed, ...now })
    return Math.floor(passed)
  }
}

function since(last: Counted, now: Omit<Counted, 'passed'>): number {
  if (last.boot === now.boot && now.uptime >= last.uptime) return now.uptime - last.uptime
  return Math.min(Math.max(now.wall - last.wall, 0), MOST_BETWEEN_BOOTS_MS)
}

function read(path: string): Counted | undefined {
  try {
    return Counted.parse(JSON.parse(readPlainFile(path, MAX_BYTES).toString('utf8')))
  } catch {
    return undefined
  }
}

function write(path: string, counted: Counted): void {
  try {
    replaceFile(path, JSON.stringify(counted))
  } catch {
    // A full disk must not keep anybody from deleting.
  }
}
