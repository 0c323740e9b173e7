import { existsSync, lstatSync, readdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { fail } from '../../../snapshots/errors.ts'
import { MalformedBytes } from '../bytes.ts'
import { errno, isShortage, systemError } from '../system-error.ts'
import { syncNames, unlinkIfThere, writeDurably } from './durable.ts'
import { Details, Manifest, newestFirst, type Stored } from './manifest.ts'
import { readPlainFile } from './plain-file.ts'
import { PLACE, type Seal } from './seal.ts'

export const ID_LENGTH = 32
const ID = /^[0-9a-f]{32}$/

/** A receipt names a hundred paths or so, and a path may have a thousand names of 255 bytes. */
const MAX_BYTES = 128 * 1024 * 1024

export interface ManifestStore {
  /** Makes the snapshot exist. The last step of a create: everything it refers to is durable by then. */
  add(manifest: Manifest, details: Details): Stored
  get(id: string): Stored
  /** Newest first; unreadable ones come apart. One that is moved meanwhile, into the trash or out of it, is not missed. */
  list(): { stored: Stored[]; damaged: { id: string; modified: Date }[] }
  /** Of all there are, also in the trash, whether they can be read or not. */
  ids(): string[]
  /** Forgets what was read, so that the next reading comes from the disk. */
  forget(): void
  /** False when the details are missing or make no sense: `get` then makes some up. */
  hasDetails(id: string): boolean
  /** Fails where the present ones cannot be read just now: they are not written over unseen. */
  setDetails(id: string, details: Details): void
  trash(id: string, how: NonNullable<Details['trashed']>): void
  untrash(id: string): void
  /** Deletes for good, and durably, what lies there. Returns the ids of those that did. */
  remove(ids: readonly string[], from: 'snapshots' | 'trash'): string[]
  /** Clears away the details of snapshots that never came to be. Only while nobody creates. */
  sweepDetails(): void
}

/** Directories `snapshots/` and `trash/` hold manifests; where one lies says whether it is in the trash. */
export function createManifestStore(home: string, seal: Seal): ManifestStore {
  const live = join(home, 'snapshots')
  const trash = join(home, 'trash')
  const details = join(home, 'details')
  /** Where a snapshot may lie. Looked at in this order, one that is moved once in between is found, whichever way. */
  const looks = [
    { folder: live, trashed: false },
    { folder: trash, trashed: true },
    { folder: live, trashed: false },
  ]
  /** Manifests never change, so one read is enough. */
  const parsed = new Map<string, Manifest>()
  const detailsCache = new Map<string, { version: string; details: Details }>()

  const readBytes = (id: string, folder: string): Buffer => {
    try {
      return seal.open(readPlainFile(join(folder, `${id}.json`), MAX_BYTES), PLACE.manifest(id))
    } catch (error) {
      throw error instanceof MalformedBytes ? damaged(id) : error
    }
  }

  const load = (id: string, folder: string): Manifest => {
    const hit = parsed.get(id)
    if (hit) return hit
    const bytes = readBytes(id, folder)
    if (seal.id(bytes).slice(0, ID_LENGTH) !== id) throw damaged(id)
    const result = Manifest.safeParse(parseJson(bytes))
    if (!result.success) throw damaged(id)
    parsed.set(id, result.data)
    return result.data
  }

  /** Undefined when there are none, or none that make sense. Throws what keeps them from being read. */
  const readDetails = (id: string): Details | undefined => {
    const path = join(details, `${id}.json`)
    try {
      // Each write makes a new inode, also within one tick of the file system's clock.
      const { ino, mtimeMs } = lstatSync(path)
      const version = `${ino}:${mtimeMs}`
      const hit = detailsCache.get(id)
      if (hit?.version === version) return hit.details
      const value = Details.parse(parseJson(seal.open(readPlainFile(path, MAX_BYTES), PLACE.details(id))))
      detailsCache.set(id, { version, details: value })
      return value
    } catch (error) {
      if (errno(error) !== undefined && errno(error) !== 'ENOENT') throw error
      return undefined
    }
  }

  /** A disk that fails takes the details for now, and nothing else. */
  const detailsIfReadable = (id: string): Details | undefined => {
    try {
      return readDetails(id)
    } catch (error) {
      if (isShortage(error)) throw error
      return undefined
    }
  }

  /** The content is safe in the manifest; without its details a snapshot is kept rather than risked. */
  const loadDetails = (id: string): Details =>
    detailsIfReadable(id) ?? {
      name: id.slice(0, 12),
      note: 'The details of this snapshot cannot be read.',
      labels: {},
      protected: true,
    }

  /** Undefined when it is not in this folder any more. */
  const loadFrom = (id: string, { folder, trashed }: (typeof looks)[number]): Stored | undefined => {
    try {
      return { id, manifest: load(id, folder), details: loadDetails(id), trashed }
    } catch (error) {
      if (errno(error) === 'ENOENT') return undefined
      throw error
    }
  }

  const writeDetails = (id: string, value: Details) => {
    const bytes = Buffer.from(`${JSON.stringify(value, null, 2)}\n`)
    writeDurably(join(details, `${id}.json`), seal.seal(bytes, PLACE.details(id)))
    detailsCache.delete(id)
  }

  const ids = () => looks.flatMap(({ folder }) => idsIn(folder))

  const setDetails = (id: string, value: Details) => {
    readDetails(id)
    writeDetails(id, value)
  }

  const move = (id: string, from: string, to: string) => {
    renameSync(join(from, `${id}.json`), join(to, `${id}.json`))
    syncNames(to, from)
  }

  return {
    add(manifest, value) {
      const bytes = Buffer.from(`${JSON.stringify(Manifest.parse(manifest))}\n`)
      const id = seal.id(bytes).slice(0, ID_LENGTH)
      writeDetails(id, value)
      writeDurably(join(live, `${id}.json`), seal.seal(bytes, PLACE.manifest(id)))
      parsed.set(id, manifest)
      return { id, manifest, details: value, trashed: false }
    },
    get(id) {
      for (const look of ID.test(id) ? looks : []) {
        const found = existsSync(join(look.folder, `${id}.json`)) && loadFrom(id, look)
        if (found) return found
      }
      throw noSuchSnapshot(id)
    },
    list() {
      const stored: Stored[] = []
      const broken: { id: string; modified: Date }[] = []
      const seen = new Set<string>()
      for (const look of looks) {
        for (const id of idsIn(look.folder)) {
          // A power cut may bring back the old name of one that was moved: then the live one counts, as in `get`.
          if (seen.has(id)) continue
          try {
            const found = loadFrom(id, look)
            if (!found) continue
            stored.push(found)
          } catch (error) {
            if (isShortage(error)) throw error
            const file = lstatSync(join(look.folder, `${id}.json`), { throwIfNoEntry: false })
            if (!file) continue
            broken.push({ id, modified: file.mtime })
          }
          seen.add(id)
        }
      }
      stored.sort((a, b) => newestFirst(a.manifest, b.manifest) || (a.id < b.id ? -1 : 1))
      return { stored, damaged: broken }
    },
    ids,
    forget() {
      parsed.clear()
      detailsCache.clear()
    },
    hasDetails: (id) => detailsIfReadable(id) !== undefined,
    setDetails,
    trash(id, how) {
      setDetails(id, { ...loadDetails(id), trashed: how })
      move(id, live, trash)
    },
    untrash(id) {
      readDetails(id)
      move(id, trash, live)
      const { trashed: _, ...rest } = loadDetails(id)
      try {
        setDetails(id, rest)
      } catch (error) {
        throw systemError(error, 'It is out of the trash, but its details could not be written', 'partial')
      }
    },
    remove(ids, from) {
      const folder = join(home, from)
      const removed = ids.filter((id) => unlinkIfThere(join(folder, `${id}.json`)))
      if (removed.length === 0) return []
      syncNames(folder)
      for (const id of removed) {
        parsed.delete(id)
        detailsCache.delete(id)
        try {
          unlinkIfThere(join(details, `${id}.json`))
        } catch {
          // The snapshot is gone. What is left of it goes with `sweepDetails`.
        }
      }
      return removed
    },
    sweepDetails() {
      const described = idsIn(details)
      const kept = new Set(ids())
      for (const id of described) if (!kept.has(id)) unlinkIfThere(join(details, `${id}.json`))
    },
  }
}

/** Of the files in a folder that are named after one. */
function idsIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length))
    .filter((id) => ID.test(id))
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return undefined
  }
}

/** The same for an id that never was and for one this caller may not see. */
export function noSuchSnapshot(id: string) {
  return fail(
    'NOT_FOUND',
    `There is no snapshot local:${id.slice(0, 64)}. Nothing was changed.`,
    'Call snapshot_list for the ids that exist.',
  )
}

function damaged(id: string) {
  return fail(
    'CORRUPT',
    `The manifest of snapshot local:${id} does not match its id, so it was altered or damaged. Nothing was changed.`,
    'Other snapshots stay usable: call snapshot_list and choose another one.',
  )
}
