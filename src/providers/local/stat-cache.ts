import { createHash } from 'node:crypto'
import { lstatSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ByteString } from './names.ts'
import { type Roster, readRoster } from './roster.ts'
import { checkRoster } from './roster-check.ts'
import { lengthOfColumns } from './roster-layout.ts'
import { readPlainFile } from './store/plain-file.ts'
import { PLACE, type Seal } from './store/seal.ts'

/**
 * Remembers the last scan of each source, so that the next one reads only what changed: in memory while the server
 * runs, on disk for the next. Losing it costs time only; a damaged file is noticed by its hash and ignored.
 */
export interface StatCache {
  get(root: ByteString): Remembered | undefined
  set(root: ByteString, remembered: Remembered): void
  /** Writes what is new to disk. */
  flush(): void
}

export interface Remembered {
  readonly roster: Roster
  /** The operation that compared all of it with the directory. */
  readonly checkedBy?: string
  /** As in Scan. */
  readonly storedAt?: number
}

/** Written once there was peace for a moment: neither this caller nor the next one waits for it. */
const FLUSH_AFTER_MS = 1000
/** Sources kept in memory; each takes about 150 bytes an entry. */
const MAX_SOURCES = 8
const DIGEST_BYTES = 32
/** What Node reads at once: some 14 million entries. */
const MAX_BYTES = 2 ** 31 - 1

export function createStatCache(directory: string, seal: Seal): StatCache {
  const scans = new Map<
    ByteString,
    { remembered: Remembered | undefined; dirty: boolean; modified: number }
  >()
  let timer: NodeJS.Timeout | undefined
  const nameOf = (root: ByteString) => seal.id(Buffer.from(root, 'latin1')).slice(0, 32)
  const path = (root: ByteString) => join(directory, `${nameOf(root)}.scan`)

  const read = (root: ByteString): Roster | undefined => {
    try {
      return decode(seal.open(readPlainFile(path(root), MAX_BYTES), PLACE.scan(nameOf(root))))
    } catch {
      return undefined
    }
  }

  const flushOne = (root: ByteString) => {
    const entry = scans.get(root)
    if (!entry?.dirty || !entry.remembered) return
    const file = path(root)
    const temporary = `${file}.${process.pid}.tmp`
    try {
      const bytes = seal.seal(encode(entry.remembered.roster), PLACE.scan(nameOf(root)))
      rmSync(temporary, { force: true })
      writeFileSync(temporary, bytes, { mode: 0o600, flag: 'wx' })
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
      if (entry && (entry.dirty || entry.modified === onDisk)) return entry.remembered
      const roster = read(root)
      const remembered = roster && { roster }
      scans.set(root, { remembered, dirty: false, modified: onDisk })
      return remembered
    },
    set(root, remembered) {
      const before = scans.get(root)
      const isNew = before?.remembered?.roster !== remembered.roster
      scans.delete(root)
      scans.set(root, {
        remembered,
        dirty: isNew || (before?.dirty ?? true),
        modified: before?.modified ?? 0,
      })
      for (const oldest of scans.keys()) {
        if (scans.size <= MAX_SOURCES) break
        flushOne(oldest)
        scans.delete(oldest)
      }
      clearTimeout(timer)
      timer = setTimeout(flush, FLUSH_AFTER_MS).unref()
    },
    flush,
  }
}

/** 0 when there is no file. */
function modified(path: string): number {
  return lstatSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
}

/** The roster, then the hash of it. */
export function encode({ bytes }: Roster): Buffer {
  const parts = [new Uint8Array(bytes.columns), new Uint8Array(bytes.records)]
  return Buffer.concat([...parts, hashOf(parts)])
}

/** Undefined for bytes that are not what was encoded. */
export function decode(bytes: Buffer): Roster | undefined {
  try {
    const end = bytes.length - DIGEST_BYTES
    if (!hashOf([bytes.subarray(0, end)]).equals(bytes.subarray(end))) return undefined
    const from = lengthOfColumns(bytes)
    const roster = readRoster({
      columns: shared(bytes.subarray(0, from)),
      records: shared(bytes.subarray(from, end)),
    })
    checkRoster(roster)
    return roster
  } catch {
    return undefined
  }
}

function shared(bytes: Buffer): SharedArrayBuffer {
  const copy = new SharedArrayBuffer(bytes.length)
  new Uint8Array(copy).set(bytes)
  return copy
}

function hashOf(parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}
