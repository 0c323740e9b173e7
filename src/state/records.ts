import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { fail } from '../snapshots/errors.ts'
import type { Kind } from './state-store.ts'
import { storageError } from './storage-error.ts'

/**
 * Compare-and-set on a file system. Every version of a record is a file of its own, `<kind>/<id>/<version>.json`,
 * written under a temporary name and then linked to its final one: link(2) fails when the name is taken, so of all who
 * want to write version 7 exactly one can. Nothing is ever overwritten and no reader sees half a record.
 *
 * Old versions are trimmed, oldest first, and the newest KEEP stay. Hence a writer who was asleep for long can find
 * its version's name free again; but then its predecessor is gone as well, and that is how it learns that it lost.
 *
 * Records are small: the calls are synchronous, which takes a third of the time of trips through the thread pool. Only
 * the flush to the disk, which may be slow, is waited for.
 */
export interface Records {
  newest(kind: Kind, id: string): Promise<RawVersion | undefined>
  /**
   * See StateStore.write. `durable: false`, for locks, leaves out the flush to the disk, and dates it by the clock of the
   * file system, which is the same for all.
   */
  write(
    kind: Kind,
    id: string,
    value: unknown,
    after: number,
    how?: { durable: boolean },
  ): Promise<number | undefined>
  ids(kind: Kind): Promise<string[]>
  remove(kind: Kind, id: string): Promise<void>
  /** Removes what is no younger than this version: whoever begins the record anew meanwhile keeps it. */
  removeUpTo(kind: Kind, id: string, version: number): Promise<void>
  /** Makes a version as young as if it were written now, by the clock of the file system, if it is still there. */
  touch(kind: Kind, id: string, version: number): Promise<void>
  /** Takes its text from a version that is still there, for which a full disk has room as well. */
  blank(kind: Kind, id: string, version: number): Promise<void>
  /** What the clock of the file system says (ms). The record must exist. */
  now(kind: Kind, id: string): Promise<number>
  /** When the newest version was written or touched (ms), or undefined. */
  writtenAt(kind: Kind, id: string): Promise<number | undefined>
}

export interface RawVersion {
  text: string
  version: number
}

export interface RecordsOptions {
  directory: string
  clock: () => number
  random: (size: number) => Buffer
}

const KEEP = 8
const VERSION = /^([1-9]\d{0,14})\.json$/

export function createRecords({ directory, clock, random }: RecordsOptions): Records {
  const folder = (kind: Kind, id: string) => join(directory, kind, safeName(id))

  async function newest(kind: Kind, id: string): Promise<RawVersion | undefined> {
    const dir = folder(kind, id)
    for (;;) {
      const version = versions(dir).at(-1)
      if (version === undefined) return undefined
      const text = unlessAbsent(() => fs.readFileSync(file(dir, version), 'utf8'))
      if (text !== undefined) return { text, version }
      // Trimmed or removed by another process between the two calls: look again.
    }
  }

  async function write(
    kind: Kind,
    id: string,
    value: unknown,
    after: number,
    { durable } = { durable: true },
  ) {
    const dir = folder(kind, id)
    if (after > 0 && !fs.existsSync(file(dir, after))) return undefined
    fs.mkdirSync(dir, { recursive: true, mode: 0o700 })
    const version = after + 1
    if (!(await linkNew(dir, version, JSON.stringify(value), durable))) return undefined

    const present = versions(dir)
    const lost = after === 0 ? (present.at(-1) ?? 0) > KEEP : !present.includes(after)
    if (lost) {
      unlessAbsent(() => fs.unlinkSync(file(dir, version)))
      return undefined
    }
    if (durable) await flush(after === 0 ? [dir, dirname(dir)] : [dir])
    for (const old of present) if (old <= version - KEEP) unlessAbsent(() => fs.unlinkSync(file(dir, old)))
    return version
  }

  /** False when the name is taken, or when the record was removed under our hands. */
  async function linkNew(dir: string, version: number, text: string, durable: boolean): Promise<boolean> {
    const temporary = join(dir, `.${random(8).toString('hex')}`)
    try {
      const handle = fs.openSync(temporary, 'wx', 0o600)
      try {
        fs.writeFileSync(handle, text)
        // Retirement goes by this time, so it has to be the injected clock's and not the disk's.
        if (durable) fs.futimesSync(handle, clock() / 1000, clock() / 1000)
        if (durable) await fsync(handle)
      } finally {
        fs.closeSync(handle)
      }
      fs.linkSync(temporary, file(dir, version))
      return true
    } catch (error) {
      if (['EEXIST', 'ENOENT'].includes(codeOf(error))) return false
      throw error
    } finally {
      unlessAbsent(() => fs.unlinkSync(temporary))
    }
  }

  async function remove(kind: Kind, id: string): Promise<void> {
    const dir = folder(kind, id)
    for (;;) {
      // Oldest first: whoever writes at the same moment then misses its predecessor, or is removed in the next round.
      for (const version of versions(dir)) unlessAbsent(() => fs.unlinkSync(file(dir, version)))
      for (const debris of unlessAbsent(() => fs.readdirSync(dir)) ?? []) {
        if (!VERSION.test(debris)) unlessAbsent(() => fs.unlinkSync(join(dir, debris)))
      }
      try {
        return fs.rmdirSync(dir)
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return
        if (!['ENOTEMPTY', 'EEXIST'].includes(codeOf(error))) throw error
      }
    }
  }

  async function removeUpTo(kind: Kind, id: string, last: number): Promise<void> {
    const dir = folder(kind, id)
    // Oldest first, as in `remove`.
    for (const version of versions(dir))
      if (version <= last) unlessAbsent(() => fs.unlinkSync(file(dir, version)))
    try {
      fs.rmdirSync(dir)
    } catch (error) {
      if (!['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(codeOf(error))) throw error
    }
  }

  async function writtenAt(kind: Kind, id: string): Promise<number | undefined> {
    const dir = folder(kind, id)
    const version = versions(dir).at(-1)
    return version === undefined ? undefined : unlessAbsent(() => fs.statSync(file(dir, version)))?.mtimeMs
  }

  async function touch(kind: Kind, id: string, version: number): Promise<void> {
    unlessAbsent(() => {
      const handle = fs.openSync(file(folder(kind, id), version), 'r+')
      try {
        // The same once more: a time that we would set ourselves is not that of the file system.
        const bytes = fs.readFileSync(handle)
        fs.writeSync(handle, bytes, 0, bytes.length, 0)
      } finally {
        fs.closeSync(handle)
      }
    })
  }

  async function blank(kind: Kind, id: string, version: number): Promise<void> {
    unlessAbsent(() => fs.truncateSync(file(folder(kind, id), version)))
  }

  async function now(kind: Kind, id: string): Promise<number> {
    const probe = join(folder(kind, id), `.${random(8).toString('hex')}`)
    const handle = fs.openSync(probe, 'wx', 0o600)
    try {
      return fs.fstatSync(handle).mtimeMs
    } finally {
      fs.closeSync(handle)
      unlessAbsent(() => fs.unlinkSync(probe))
    }
  }

  async function ids(kind: Kind): Promise<string[]> {
    return unlessAbsent(() => fs.readdirSync(join(directory, kind))) ?? []
  }

  return {
    newest: (...call) => storageError(newest(...call)),
    write: (...call) => storageError(write(...call)),
    remove: (...call) => storageError(remove(...call)),
    removeUpTo: (...call) => storageError(removeUpTo(...call)),
    touch: (...call) => storageError(touch(...call)),
    blank: (...call) => storageError(blank(...call)),
    now: (...call) => storageError(now(...call)),
    writtenAt: (...call) => storageError(writtenAt(...call)),
    ids: (...call) => storageError(ids(...call)),
  }
}

/** The value of a record. A torn one names itself. */
export function parse(kind: Kind, id: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw fail(
      'CORRUPT',
      `The ${kind} record ${safeName(id)} is damaged. Nothing was changed.`,
      'Other records are not affected: make the call anew, without what refers to this one.',
      { cause },
    )
  }
}

/** Ids come from callers: what could be anything but a plain file name is replaced by its hash. */
function safeName(id: string): string {
  return /^[A-Za-z0-9_-]{1,128}$/.test(id) ? id : `sha256-${createHash('sha256').update(id).digest('hex')}`
}

const file = (dir: string, version: number) => join(dir, `${version}.json`)

/** Ascending. */
function versions(dir: string): number[] {
  const names = unlessAbsent(() => fs.readdirSync(dir)) ?? []
  return names
    .flatMap((name) => VERSION.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b)
}

const fsync = promisify(fs.fsync)

async function flush(directories: string[]): Promise<void> {
  for (const path of directories) {
    const handle = fs.openSync(path, 'r')
    await fsync(handle).finally(() => fs.closeSync(handle))
  }
}

function unlessAbsent<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code ?? ''
