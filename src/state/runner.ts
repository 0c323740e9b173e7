import { createHash } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import { z } from 'zod'

/** Which process did something, so that another one can tell whether it still lives. */
export const Runner = z.object({
  pid: z.number().int(),
  /** The machine, by its name and its id, and, on Linux, the pid namespace: a pid means nothing outside of them. */
  host: z.string(),
  /** Differs after a reboot. Linux only. */
  boot_id: z.string().optional(),
  /** In clock ticks since boot; tells a process from a later one with the same pid. Linux only. */
  start_time: z.string().optional(),
})
export type Runner = z.infer<typeof Runner>

let own: Runner | undefined
/** Of this machine, where it has one. Clones may share a name. */
let machine: string | undefined

export function thisRunner(): Runner {
  if (own) return own
  const boot_id = quietly(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim())
  const start_time = startTime(process.pid)
  const namespace = quietly(() => readlinkSync('/proc/self/ns/pid'))
  machine = machineId()
  own = {
    pid: process.pid,
    host: [hostname(), namespace, machine].filter(Boolean).join(' '),
    ...(boot_id && { boot_id }),
    ...(start_time && { start_time }),
  }
  return own
}

/**
 * Whether this process can tell if that one lives: a pid of another machine or container says nothing here. Without an id
 * of the machine another boot may be that of another machine with the same name, and not one from before a reboot.
 */
export function isCheckable(runner: Runner): boolean {
  const here = thisRunner()
  return runner.host === here.host && (machine !== undefined || runner.boot_id === here.boot_id)
}

/** Surely of this machine, whatever was copied to others: no two of them have been booted under one id. */
export function isOfThisBoot({ boot_id }: Runner): boolean {
  return boot_id !== undefined && boot_id === thisRunner().boot_id
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

/** Hashed, for it is not to be told to others as it is. Missing or empty in many containers. See machine-id(5). */
function machineId(): string | undefined {
  for (const path of ['/etc/machine-id', '/var/lib/dbus/machine-id']) {
    const id = quietly(() => readFileSync(path, 'utf8').trim())
    if (id && /^[0-9a-f]{32}$/.test(id))
      return createHash('sha256').update(`snapshot-mcp ${id}`).digest('hex').slice(0, 16)
  }
  return undefined
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
