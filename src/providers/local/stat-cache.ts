import { createHash } from 'node:crypto'
import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createReader, createWriter, type Reader, type Writer } from './bytes.ts'
import type { LiveDirectory, LiveEntry, Stat } from './live.ts'
import type { ByteString } from './names.ts'
import { objectId } from './object-id.ts'
import { readEntry, writeEntry } from './tree.ts'

/**
 * Remembers the last scan of each source, so that the next one reads only what changed: in memory while the server
 * runs, on disk for the next. Losing it costs time only; a damaged file is noticed by its hash and ignored.
 */
export interface StatCache {
  get(root: ByteString): LiveDirectory | undefined
  /** `worthSaving`: the scan read something the previous one did not know. */
  set(root: ByteString, scanned: LiveDirectory, worthSaving: boolean): void
  /** Writes what is new to disk. */
  flush(): void
}

const MAGIC = 'SSC4'
/** Written a moment after a call, so that the caller does not wait for it. */
const FLUSH_AFTER_MS = 100
/** Sources kept in memory; each takes about 300 bytes an entry. */
const MAX_SOURCES = 8

export function createStatCache(directory: string): StatCache {
  const scans = new Map<
    ByteString,
    { scanned: LiveDirectory | undefined; dirty: boolean; modified: number }
  >()
  let timer: NodeJS.Timeout | undefined
  const path = (root: ByteString) =>
    join(directory, `${objectId(Buffer.from(root, 'latin1')).slice(0, 32)}.scan`)

  const flushOne = (root: ByteString) => {
    const entry = scans.get(root)
    if (!entry?.dirty || !entry.scanned) return
    const file = path(root)
    const temporary = `${file}.${process.pid}.tmp`
    try {
      writeFileSync(temporary, encode(entry.scanned), { mode: 0o600 })
      renameSync(temporary, file)
      entry.modified = modified(file)
    } catch {
      // A full disk must not fail a snapshot that is already safe.
      rmSync(temporary, { force: true })
    }
    entry.dirty = false
  }

  const flush = () => {
    clearTimeout(timer)
    timer = undefined
    for (const root of scans.keys()) flushOne(root)
  }

  return {
    get(root) {
      const file = path(root)
      const entry = scans.get(root)
      const onDisk = modified(file)
      // Another process has scanned since: it may know what this one does not, such as the times a restore has set.
      if (entry && (entry.dirty || entry.modified === onDisk)) return entry.scanned
      const scanned = read(file)
      scans.set(root, { scanned, dirty: false, modified: onDisk })
      return scanned
    },
    set(root, scanned, worthSaving) {
      const before = scans.get(root)
      scans.delete(root)
      scans.set(root, {
        scanned,
        dirty: worthSaving || (before?.dirty ?? true),
        modified: before?.modified ?? 0,
      })
      for (const oldest of scans.keys()) {
        if (scans.size <= MAX_SOURCES) break
        flushOne(oldest)
        scans.delete(oldest)
      }
      timer ??= setTimeout(flush, FLUSH_AFTER_MS).unref()
    },
    flush,
  }
}

/** 0 when there is no file. */
function modified(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
}

function read(path: string): LiveDirectory | undefined {
  try {
    return decode(readFileSync(path))
  } catch {
    return undefined
  }
}

export function encode(root: LiveDirectory): Buffer {
  const writer = createWriter(1024 * 1024)
  writer.raw(Buffer.from(MAGIC, 'latin1'))
  writeLive(writer, root)
  const body = writer.view()
  return Buffer.concat([body, createHash('sha256').update(body).digest()])
}

export function decode(bytes: Buffer): LiveDirectory | undefined {
  const end = bytes.length - 32
  if (end < 4 || bytes.toString('latin1', 0, 4) !== MAGIC) return undefined
  if (!createHash('sha256').update(bytes.subarray(0, end)).digest().equals(bytes.subarray(end)))
    return undefined
  const root = readLive(createReader(bytes, 4, end))
  return root.type === 'directory' ? root : undefined
}

/** An entry as a tree has it, then what only a scan knows of it. */
function writeLive(writer: Writer, entry: LiveEntry): void {
  writeEntry(writer, entry)
  if (entry.type === 'skipped') return
  writeStat(writer, entry.stat)
  if (entry.type === 'file') {
    writer.varint(entry.chunks.length)
    for (const chunk of entry.chunks) writer.id(chunk)
  } else if (entry.type === 'directory') {
    writer.id(entry.coarse)
    writer.varint(entry.children.length)
    for (const child of entry.children) writeLive(writer, child)
  }
}

function readLive(reader: Reader): LiveEntry {
  const entry = readEntry(reader)
  if (entry.type === 'skipped') return entry
  const stat = readStat(reader)
  if (entry.type === 'symlink') return { ...entry, stat }
  if (entry.type === 'file') {
    return { ...entry, stat, chunks: Array.from({ length: reader.varint() }, () => reader.id()) }
  }
  const coarse = reader.id()
  return { ...entry, stat, coarse, children: Array.from({ length: reader.varint() }, () => readLive(reader)) }
}

function writeStat(writer: Writer, stat: Stat): void {
  writer.u8(stat.settled ? 1 : 0)
  for (const value of [stat.dev, stat.ino, stat.size, stat.mode, stat.nlink])
    writer.i64(BigInt.asIntN(64, value))
  writer.time(stat.mtime)
  writer.time(stat.ctime)
}

function readStat(reader: Reader): Stat {
  const settled = reader.u8() === 1
  const unsigned = () => BigInt.asUintN(64, reader.i64())
  const [dev, ino, size, mode, nlink] = [unsigned(), unsigned(), unsigned(), unsigned(), unsigned()]
  return { settled, dev, ino, size, mode, nlink, mtime: reader.time(), ctime: reader.time() }
}
