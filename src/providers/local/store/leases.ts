import { randomBytes } from 'node:crypto'
import {
  closeSync,
  constants,
  existsSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fail } from '../../../snapshots/errors.ts'
import { hasEnded, isCheckable, Runner, thisRunner } from '../../../state/runner.ts'
import { MalformedBytes } from '../bytes.ts'
import { errno, isDiskFull } from '../system-error.ts'
import { readPlainFile, replaceFile } from './plain-file.ts'

/**
 * Who relies on objects being where they are, and who moves them. A create shares the store with other creates; gc has
 * it alone for short turns. A lease is a file that names its process, each under a name of its own, so that nobody ever
 * removes one that was just taken. Both sides show their lease first and look for the other's then: whichever order
 * they come in, one of them sees the other. It is gc that gives way; a create waits for the end of the turn.
 */
export interface Leases {
  /** Waits for a turn of gc to end. BUSY when it does not within ten seconds, CANCELLED when the caller has gone. */
  share(signal: AbortSignal): Promise<Lease>
  /** The store alone, or undefined while anybody else has or wants it. */
  exclude(): Lease | undefined
}

export interface Lease {
  /** Throws BUSY when somebody took this process for dead: what it saw of the store may no longer be so. */
  check(): void
  /** Somebody waits for the end of this one. */
  wanted(): boolean
  release(): void
}

type Kind = 'shared' | 'exclusive'
/** A lease is a line. */
const MAX_BYTES = 64 * 1024
const NAME = /^(shared|exclusive)-[0-9a-f]{24}$/

const BEAT_FLAGS = constants.O_WRONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

const WAIT_MS = 10_000
const BEAT_MS = 5_000
/** After this long without a sign of life a holder on another machine or in another container is taken for dead. */
const SILENCE_MS = 60_000

export interface LeasesOptions {
  /** How long a create waits for the end of a turn, and how often a lease gives a sign of life. */
  waitMs?: number
  beatMs?: number
  /** Clears away something where the disk has no room for the lease of who wants to give space back. */
  makeRoom?: () => void
}

export function createLeases(
  directory: string,
  { waitMs = WAIT_MS, beatMs = BEAT_MS, makeRoom }: LeasesOptions = {},
): Leases {
  const register = (kind: Kind): Lease & { name: string } => {
    const name = `${kind}-${randomBytes(12).toString('hex')}`
    const path = join(directory, name)
    const text = JSON.stringify(thisRunner())
    // Not synced: a lease need not survive a power cut, nor does its holder.
    replaceFile(path, text)
    const heart = setInterval(() => touch(path, text), beatMs).unref()
    return {
      name,
      check() {
        if (!existsSync(path)) throw lost()
      },
      wanted: () => others(name).length > 0,
      release() {
        clearInterval(heart)
        try {
          rmSync(path, { force: true })
        } catch {
          // What was done under it is done all the same. The file is cleared away when this process has ended.
        }
      },
    }
  }

  /** The living ones; the files of the dead are cleared away. */
  const others = (own: string): Kind[] => {
    const kinds: Kind[] = []
    for (const name of readdirSync(directory)) {
      const kind = NAME.exec(name)?.[1] as Kind | undefined
      if (!kind || name === own) continue
      if (isAlive(join(directory, name), join(directory, own))) kinds.push(kind)
      else clear(join(directory, name))
    }
    return kinds
  }

  const registerExclusive = () => {
    try {
      return register('exclusive')
    } catch (error) {
      if (!makeRoom || !isDiskFull(error)) throw error
      makeRoom()
      return register('exclusive')
    }
  }

  return {
    async share(signal) {
      const lease = register('shared')
      try {
        // The lease stays visible meanwhile: no further turn of gc begins before this one gets its own.
        for (const start = performance.now(); others(lease.name).includes('exclusive'); ) {
          if (performance.now() - start > waitMs) throw busy(waitMs)
          await sleep(20 + Math.random() * 20, undefined, { signal }).catch(() => {
            throw cancelled()
          })
        }
        return lease
      } catch (error) {
        lease.release()
        throw error
      }
    },
    exclude() {
      const lease = registerExclusive()
      if (!lease.wanted()) return lease
      lease.release()
      return undefined
    },
  }
}

/**
 * A beat that fails is one beat less. Never makes the file anew: that would hide that the lease was lost. Nor does it
 * follow a link that somebody has put there.
 */
function touch(path: string, text: string): void {
  try {
    const fd = openSync(path, BEAT_FLAGS)
    try {
      writeFileSync(fd, text)
    } finally {
      closeSync(fd)
    }
  } catch {
    // Gone, and `check` tells.
  }
}

/** What is left of the dead counts for nothing, and can stay where it cannot be removed. */
function clear(path: string): void {
  try {
    rmSync(path, { force: true, recursive: true })
  } catch {
    // It may belong to another user.
  }
}

function isAlive(path: string, own: string): boolean {
  try {
    const runner = runnerIn(readPlainFile(path, MAX_BYTES).toString('utf8'))
    if (!runner) return false
    if (isCheckable(runner)) return !hasEnded(runner)
  } catch (error) {
    // Something else under that name holds nothing. One that cannot be read may be that of another user, and alive.
    if (error instanceof MalformedBytes || errno(error) === 'ENOENT') return false
  }
  // Both times are from the clock of the file system, whatever the machines think of the hour.
  const [theirs, ours] = [path, own].map((file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs)
  return theirs !== undefined && (ours ?? theirs) - theirs < SILENCE_MS
}

/** Undefined when the lease is torn: only a power cut tears one, and no holder survives that. */
function runnerIn(text: string): Runner | undefined {
  try {
    return Runner.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}

function lost() {
  return fail(
    'BUSY',
    'This process stood still for so long that the store was cleaned up without it. Nothing was saved.',
    'Make the same call again.',
    { retry_after_ms: 1000 },
  )
}

function busy(waitMs: number) {
  return fail(
    'BUSY',
    `The snapshot store is being cleaned up, which did not end within ${Math.round(waitMs / 1000)} s. Nothing was changed.`,
    'Make the same call again in a moment.',
    { retry_after_ms: 5000 },
  )
}

function cancelled() {
  return fail(
    'CANCELLED',
    'Cancelled while the snapshot store was being cleaned up. Nothing was changed.',
    'Make the call again when it is wanted.',
  )
}
