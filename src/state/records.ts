import { createHash } from 'node:crypto'
import { link, mkdir, open, readdir, readFile, rmdir, stat, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
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
 */
export interface Records {
  newest(kind: Kind, id: string): Promise<RawVersion | undefined>
  /** See StateStore.write. `durable: false` leaves out the flush to the disk. */
  write(
    kind: Kind,
    id: string,
    value: unknown,
    after: number,
    how?: { durable: boolean },
  ): Promise<number | undefined>
  ids(kind: Kind): Promise<string[]>
  remove(kind: Kind, id: string): Promise<void>
  /** When the newest version was written (ms), or undefined. */
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
      const version = (await versions(dir)).at(-1)
      if (version === undefined) return undefined
      const text = await unlessAbsent(readFile(file(dir, version), 'utf8'))
      if (text !== undefined) return { text, version }
      // Trimmed or removed between the two calls: look again.
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
    if (after > 0 && !(await unlessAbsent(stat(file(dir, after))))) return undefined
    await mkdir(dir, { recursive: true, mode: 0o700 })
    const version = after + 1
    if (!(await linkNew(dir, version, JSON.stringify(value), durable))) return undefined

    const present = await versions(dir)
    const lost = after === 0 ? (present.at(-1) ?? 0) > KEEP : !present.includes(after)
    if (lost) {
      await unlessAbsent(unlink(file(dir, version)))
      return undefined
    }
    if (durable) await flush(after === 0 ? [dir, dirname(dir)] : [dir])
    for (const old of present) if (old <= version - KEEP) await unlessAbsent(unlink(file(dir, old)))
    return version
  }

  /** False when the name is taken, or when the record was removed under our hands. */
  async function linkNew(dir: string, version: number, text: string, durable: boolean): Promise<boolean> {
    const temporary = join(dir, `.${random(8).toString('hex')}`)
    try {
      const handle = await open(temporary, 'wx', 0o600)
      try {
        await handle.writeFile(text)
        // Retirement goes by this time, so it has to be the injected clock's and not the disk's.
        await handle.utimes(clock() / 1000, clock() / 1000)
        if (durable) await handle.sync()
      } finally {
        await handle.close()
      }
      await link(temporary, file(dir, version))
      return true
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EEXIST' || code === 'ENOENT') return false
      throw error
    } finally {
      await unlessAbsent(unlink(temporary))
    }
  }

  async function remove(kind: Kind, id: string): Promise<void> {
    const dir = folder(kind, id)
    for (;;) {
      // Oldest first: whoever writes at the same moment then misses its predecessor, or is removed in the next round.
      for (const version of await versions(dir)) await unlessAbsent(unlink(file(dir, version)))
      for (const debris of (await unlessAbsent(readdir(dir))) ?? []) {
        if (!VERSION.test(debris)) await unlessAbsent(unlink(join(dir, debris)))
      }
      try {
        return await rmdir(dir)
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException
        if (code === 'ENOENT') return
        if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error
      }
    }
  }

  async function writtenAt(kind: Kind, id: string): Promise<number | undefined> {
    const dir = folder(kind, id)
    const version = (await versions(dir)).at(-1)
    return version === undefined ? undefined : (await unlessAbsent(stat(file(dir, version))))?.mtimeMs
  }

  return {
    newest: (...call) => storageError(newest(...call)),
    write: (...call) => storageError(write(...call)),
    remove: (...call) => storageError(remove(...call)),
    writtenAt: (...call) => storageError(writtenAt(...call)),
    ids: (kind) => storageError(unlessAbsent(readdir(join(directory, kind))).then((ids) => ids ?? [])),
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
async function versions(dir: string): Promise<number[]> {
  const names = (await unlessAbsent(readdir(dir))) ?? []
  return names
    .flatMap((name) => VERSION.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b)
}

async function flush(directories: string[]): Promise<void> {
  for (const path of directories) {
    const handle = await open(path, 'r')
    await handle.sync().finally(() => handle.close())
  }
}

async function unlessAbsent<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
