import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
} from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { fail, SnapshotError } from '../../../snapshots/errors.ts'
import { systemError } from '../system-error.ts'
import { writeDurably } from './durable.ts'
import { createManifestStore, type ManifestStore } from './manifests.ts'
import { createObjectStore, type ObjectStore } from './objects.ts'

/** Everything the local provider keeps, under `<home>/store`: see docs/store-format.md. */
export interface Store {
  directory: string
  objects: ObjectStore
  manifests: ManifestStore
  /**
   * Throws QUOTA_EXCEEDED or NO_SPACE when `more` bytes would not fit. A safety snapshot may go beyond the quota: a full
   * store must not take away the way back.
   */
  ensureRoom(more: number, purpose: 'snapshot' | 'safety'): void
  close(): void
}

const Header = z.object({ format: z.literal(1), encryption: z.literal('none') })

/** Left free on the disk, so that a full store never becomes a full machine. */
const HEADROOM_BYTES = 64 * 1024 * 1024
/** A pack without an index is a create that died; one this old belongs to no running create. */
const ABANDONED_MS = 24 * 3600 * 1000

/** Opens the store, making it on first use. FORBIDDEN when it cannot be written, CORRUPT when it is not a store. */
export function openStore(home: string, options: { maxBytes?: number; clock: () => number }): Store {
  const directory = join(home, 'store')
  try {
    initialise(directory)
  } catch (error) {
    throw error instanceof SnapshotError
      ? error
      : systemError(error, 'The snapshot store could not be opened')
  }
  sweepAbandonedPacks(join(directory, 'packs'), options.clock())
  const objects = createObjectStore(join(directory, 'packs'))
  return {
    directory,
    objects,
    manifests: createManifestStore(directory),
    ensureRoom(more, purpose) {
      const used = objects.size()
      if (purpose === 'snapshot' && options.maxBytes !== undefined && used + more > options.maxBytes) {
        throw fail(
          'QUOTA_EXCEEDED',
          `The store may hold ${options.maxBytes} bytes; with this snapshot it would hold ${used + more} or more. Nothing was changed.`,
          'Ask the operator to raise --max-store; deleting snapshots frees no space yet. Existing ones can be restored.',
        )
      }
      const { bavail, bsize } = statfsSync(directory)
      if (bavail * bsize < more + HEADROOM_BYTES) {
        throw fail(
          'NO_SPACE',
          'The disk that holds the snapshot store is nearly full. Nothing was changed.',
          'Free some disk space and call again. Existing snapshots can still be restored.',
        )
      }
    },
    close: () => objects.close(),
  }
}

function initialise(directory: string): void {
  for (const path of [
    directory,
    ...['packs', 'snapshots', 'trash', 'details', 'cache'].map((name) => join(directory, name)),
  ]) {
    mkdirSync(path, { recursive: true, mode: 0o700 })
  }
  // A umask or an earlier program may have left it open to others.
  if ((statSync(directory).mode & 0o077) !== 0) chmodSync(directory, 0o700)
  const header = join(directory, 'store.json')
  if (!existsSync(header)) {
    if (readdirSync(join(directory, 'snapshots')).length > 0) {
      throw fail(
        'CORRUPT',
        'The snapshot store has lost its header file store.json.',
        'Put back store.json (see docs/store-format.md).',
      )
    }
    writeDurably(header, `${JSON.stringify({ format: 1, encryption: 'none' })}\n`)
  }
  const parsed = Header.safeParse(readHeader(header))
  if (!parsed.success) {
    throw fail(
      'UNSUPPORTED',
      'The snapshot store has a format or an encryption that this version does not know. Nothing was changed.',
      'Use the version of snapshot-mcp that wrote it, or another --home.',
    )
  }
}

function readHeader(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}

function sweepAbandonedPacks(packs: string, now: number): void {
  const files = new Set(readdirSync(packs))
  for (const file of files) {
    if (!file.endsWith('.pack') || files.has(file.replace(/pack$/, 'idx'))) continue
    const path = join(packs, file)
    try {
      if (now - statSync(path).mtimeMs > ABANDONED_MS) rmSync(path, { force: true })
    } catch {
      // Swept by another process, or the store is read-only: neither keeps it from being read.
    }
  }
}
