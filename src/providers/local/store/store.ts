import { chmodSync, existsSync, lstatSync, statfsSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fail, SnapshotError } from '../../../snapshots/errors.ts'
import { systemError } from '../system-error.ts'
import { makeDirectory } from './durable.ts'
import { openHeader } from './header.ts'
import { createLeases, type Lease, type Leases } from './leases.ts'
import type { Details, Manifest, Stored } from './manifest.ts'
import { createManifestStore, type ManifestStore } from './manifests.ts'
import { createObjectStore, type ObjectStore } from './objects.ts'
import type { Seal } from './seal.ts'
import { removeScans } from './unfinished.ts'

/** Everything the local provider keeps, under `<home>/store`: see docs/store-format.md. */
export interface Store {
  directory: string
  /** What names the objects, and keeps the files of an encrypted store from other eyes. */
  seal: Seal
  objects: ObjectStore
  manifests: ManifestStore
  /** To be taken by whoever relies on objects being where they are: before `objects.refresh`, until the end. */
  leases: Leases
  /** Makes a snapshot exist. BUSY, and it does not, when its lease was lost. */
  commit(lease: Lease, manifest: Manifest, details: Details): Stored
  /**
   * Throws QUOTA_EXCEEDED or NO_SPACE when `more` bytes would not fit. A safety snapshot may go beyond the quota: a full
   * store must not take away the way back.
   */
  ensureRoom(more: number, purpose: 'snapshot' | 'safety'): void
  close(): void
}

const FREE_SPACE =
  'Delete snapshots that nobody needs (snapshot_delete, snapshot_prune): their space comes back some time after their undo window has ended, or when the operator runs snapshot-mcp purge --all. Existing ones can be restored meanwhile.'

/** Left free on the disk, so that a full store never becomes a full machine. */
const HEADROOM_BYTES = 64 * 1024 * 1024

/**
 * Opens the store, making it on first use: encrypted when there is a key. FORBIDDEN when it cannot be written or the
 * key is not its own, CORRUPT when it is not a store.
 */
export function openStore(home: string, options: { maxBytes?: number; key?: Buffer }): Store {
  const directory = join(home, 'store')
  let seal: Seal
  try {
    makeDirectories(directory)
    seal = openHeader(directory, options.key)
  } catch (error) {
    throw error instanceof SnapshotError
      ? error
      : systemError(error, 'The snapshot store could not be opened')
  }
  const leases = createLeases(join(directory, 'leases'), { makeRoom: () => removeScans(directory) })
  const objects = createObjectStore(join(directory, 'packs'), {
    seal,
    notes: join(directory, 'cache', 'damaged'),
  })
  const manifests = createManifestStore(directory, seal)
  return {
    directory,
    seal,
    objects,
    manifests,
    leases,
    commit(lease, manifest, details) {
      lease.check()
      const stored = manifests.add(manifest, details)
      try {
        // The process may have stood still between the two: what the snapshot needs may be gone then.
        lease.check()
      } catch (error) {
        manifests.remove([stored.id], 'snapshots')
        throw error
      }
      return stored
    },
    ensureRoom(more, purpose) {
      const used = objects.size()
      if (purpose === 'snapshot' && options.maxBytes !== undefined && used + more > options.maxBytes) {
        throw fail(
          'QUOTA_EXCEEDED',
          `The store may hold ${options.maxBytes} bytes; with this snapshot it would hold ${used + more} or more. Nothing was changed.`,
          `${FREE_SPACE} Or the operator raises --max-store.`,
          { details: { max_store: options.maxBytes } },
        )
      }
      const { bavail, bsize } = statfsSync(directory)
      if (bavail * bsize < more + HEADROOM_BYTES) {
        throw fail(
          'NO_SPACE',
          'The disk that holds the snapshot store is nearly full. Nothing was changed.',
          `${FREE_SPACE} Or free disk space elsewhere.`,
        )
      }
    },
    close: () => objects.close(),
  }
}

function notADirectory(path: string) {
  return fail(
    'CORRUPT',
    `In the snapshot store, ${basename(path)} is no directory of its own. Nothing was changed.`,
    'Ask the operator to put the directory back, or to use another --home.',
  )
}

function makeDirectories(directory: string): void {
  for (const path of [
    directory,
    ...['packs', 'snapshots', 'trash', 'details', 'cache', 'journal', 'leases'].map((name) =>
      join(directory, name),
    ),
  ]) {
    if (!existsSync(path)) makeDirectory(path)
    // Behind a link lies something that is not the store's to write to. The whole store may well be moved by one.
    if (path !== directory && !lstatSync(path).isDirectory()) throw notADirectory(path)
  }
  // A umask or an earlier program may have left it open to others.
  if ((statSync(directory).mode & 0o077) !== 0) chmodSync(directory, 0o700)
}
