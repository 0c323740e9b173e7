import type { Damage, SnapshotRef } from '../../snapshots/upkeep.ts'
import { type ByteString, show } from './names.ts'
import type { Stored } from './store/manifest.ts'

export type DamagedThing =
  | 'manifest'
  | 'details'
  | 'pack'
  | 'directory'
  | 'content'
  | 'hard links'
  | 'unused object'

/** Gathers what a verification finds: a lost pack may cost a million objects, so details are kept of the first ones only. */
export interface DamageReport {
  /** Says that something is damaged; saying it again may tell better what it is. */
  add(what: DamagedThing, id: string): void
  has(id: string): boolean
  /** A snapshot needs the damaged thing, at this path if it is part of a directory. */
  touch(id: string, snapshot: SnapshotRef, path?: ByteString): void
  result(): { damaged: Damage[]; omitted?: number; affected: SnapshotRef[] }
}

interface Found {
  what: DamagedThing
  id: string
  snapshots: Map<string, SnapshotRef>
  paths: Set<ByteString>
}

/** Damaged whoever needs it; anything else only is as long as a snapshot refers to it. */
const OF_ITSELF: ReadonlySet<DamagedThing> = new Set(['manifest', 'details', 'pack', 'unused object'])
const THINGS_SHOWN = 1000
export const PATHS_SHOWN = 20

export function createDamageReport(): DamageReport {
  const all = new Set<string>()
  const shown = new Map<string, Found>()
  const affected = new Map<string, SnapshotRef>()
  return {
    add(what, id) {
      all.add(id)
      const found = shown.get(id)
      if (found) found.what = what
      else if (shown.size < THINGS_SHOWN) shown.set(id, { what, id, snapshots: new Map(), paths: new Set() })
    },
    has: (id) => all.has(id),
    touch(id, snapshot, path) {
      affected.set(snapshot.id, snapshot)
      const found = shown.get(id)
      found?.snapshots.set(snapshot.id, snapshot)
      if (path !== undefined && found && found.paths.size < PATHS_SHOWN) found.paths.add(path)
    },
    result() {
      // A snapshot may have been removed while it was followed: what only it refers to may be missing.
      const found = [...shown.values()].filter(
        ({ what, snapshots }) => OF_ITSELF.has(what) || snapshots.size > 0,
      )
      const omitted = all.size - shown.size
      return {
        damaged: found.map(({ what, id, snapshots, paths }) => ({
          what,
          id,
          snapshots: [...snapshots.values()],
          ...(paths.size > 0 && { paths: [...paths].map((path) => show(path === '' ? '.' : path)) }),
        })),
        ...(omitted > 0 && { omitted }),
        affected: [...affected.values()],
      }
    },
  }
}

export function refOf({ id, details }: Pick<Stored, 'id' | 'details'>): SnapshotRef {
  return { id: `local:${id}`, name: details.name }
}
