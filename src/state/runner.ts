import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import { z } from 'zod'

/** Which process did something, so that another one can tell whether it still lives. */
export const Runner = z.object({
  pid: z.number().int(),
  /** The machine and, on Linux, the pid namespace: a pid means nothing outside of them. */
  host: z.string(),
  /** Differs after a reboot. Linux only. */
  boot_id: z.string().optional(),
  /** In clock ticks since boot; tells a process from a later one with the same pid. Linux only. */
  start_time: z.string().optional(),
})
export type Runner = z.infer<typeof Runner>

let own: Runner | undefined

export function thisRunner(): Runner {
  if (own) return own
  const boot_id = quietly(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim())
  const start_time = startTime(process.pid)
  const namespace = quietly(() => readlinkSync('/proc/self/ns/pid'))
  own = {
    pid: process.pid,
    host: [hostname(), namespace].filter(Boolean).join(' '),
    ...(boot_id && { boot_id }),
    ...(start_time && { start_time }),
  }
  return own
}

/** Whether this process can tell if that one lives: a pid of another machine or container says nothing here. */
export function isCheckable(runner: Runner): boolean {
  return runner.host === thisRunner().host
}

/** True only when it is certain that the process has ended. One that cannot be checked may be alive for all we know. */
export function hasEnded(runner: Runner): boolean {
  if (!isCheckable(runner)) return false
  const here = thisRunner()
  if (runner.boot_id && here.boot_id && runner.boot_id !== here.boot_id) return true
  if (!pidExists(runner.pid) || isZombie(runner.pid)) return true
  const started = startTime(runner.pid)
  return started !== undefined && runner.start_time !== undefined && started !== runner.start_time
}

function pidExists(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it exists and belongs to somebody else.
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

/** It has ended, and only its parent has not asked yet how: in a container without an init nobody ever may. */
function isZombie(pid: number): boolean {
  return statField(pid, 3) === 'Z'
}

function startTime(pid: number): string | undefined {
  return statField(pid, 22)
}

/** Of /proc/PID/stat, from the third on. The second one, the program's name, may hold blanks and parentheses. */
function statField(pid: number, field: number): string | undefined {
  return quietly(() => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[field - 3]
  })
}

function quietly(read: () => string | undefined): string | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
