import { fchmodSync, fstatSync, linkSync, lstatSync, renameSync, rmdirSync, unlinkSync } from 'node:fs'
import { type Directory, openChild } from './directory.ts'
import { type Captured, isStill, type LiveDirectory, type LiveFile } from './live.ts'
import type { ByteString } from './names.ts'
import { errno } from './system-error.ts'
import { type Meta, sameTime } from './tree.ts'

/**
 * The entry still is the one that was scanned. `touched` are inodes of which this restore has changed another name or the
 * rights: that moves their ctime, so it does not count for them.
 */
export function isUnchanged(dir: Directory, entry: Captured, touched: ReadonlySet<string>): boolean {
  const stats = lstatSync(dir.at(entry.name), { bigint: true, throwIfNoEntry: false })
  return stats !== undefined && isStill(entry.stat, stats, touched.has(inodeOf(entry)))
}

export function inodeOf({ stat }: Captured): string {
  return `${stat.dev}:${stat.ino}`
}

/** The open directory is the one that was scanned, whatever has happened in it since. */
export function isDirectory(dir: Directory, { stat }: LiveDirectory): boolean {
  const { dev, ino } = fstatSync(dir.fd, { bigint: true })
  return dev === stat.dev && ino === stat.ino
}

/** The file still holds what was scanned. The restore itself may have set its rights and time, or given it names. */
export function isKept(dir: Directory, name: ByteString, live: LiveFile, target: Meta): boolean {
  const stats = lstatSync(dir.at(name), { bigint: true, throwIfNoEntry: false })
  if (!stats) return false
  const { ino, dev, size, mtime } = live.stat
  const sameContent = ino === stats.ino && dev === stats.dev && size === stats.size
  return sameContent && (stats.mtimeNs === mtime || sameTime(stats.mtimeNs, target.mtime))
}

/** Never replaces anything: rename would, so files and symlinks are linked to their name instead. */
export function placeNew(dir: Directory, temporary: ByteString, name: ByteString, directory: boolean): void {
  if (directory) renameSync(dir.at(temporary), dir.at(name))
  else linkSync(dir.at(temporary), dir.at(name))
}

/** A directory its owner may not write to has to be opened up while it is worked in; `finish` sets its mode again. */
export function makeWritable(dir: Directory): void {
  const { mode } = fstatSync(dir.fd)
  if ((mode & 0o700) !== 0o700) fchmodSync(dir.fd, (mode & 0o7777) | 0o700)
}

/** Undefined for a directory that somebody has removed, swapped or locked since it was seen: it is theirs now. */
export function openUnlessBarred(parent: Directory, name: ByteString): Directory | undefined {
  try {
    return openChild(parent, name)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES', 'EPERM'].includes(errno(error) ?? '')) return undefined
    throw error
  }
}

export async function within<T>(
  dir: Directory,
  name: ByteString,
  work: (child: Directory) => Promise<T>,
): Promise<T> {
  const child = openChild(dir, name)
  try {
    return await work(child)
  } finally {
    child.close()
  }
}

export function withinSync<T>(dir: Directory, name: ByteString, work: (child: Directory) => T): T {
  const child = openChild(dir, name)
  try {
    return work(child)
  } finally {
    child.close()
  }
}

/** Removes something this restore has made, whatever is in it. */
export function removeWhole(dir: Directory, name: ByteString): void {
  const stats = lstatSync(dir.at(name), { throwIfNoEntry: false })
  if (!stats) return
  if (!stats.isDirectory()) {
    unlinkSync(dir.at(name))
    return
  }
  withinSync(dir, name, (child) => {
    makeWritable(child)
    for (const below of child.names()) removeWhole(child, below)
  })
  rmdirSync(dir.at(name))
}

export function ignoreErrors(work: () => void): void {
  try {
    work()
  } catch {
    // The error that led here is the one to tell.
  }
}
