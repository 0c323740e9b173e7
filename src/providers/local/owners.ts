import type { Meta } from './tree.ts'

/** Which owners this process may give to a file: root any, everybody else only itself and the groups it is in. */
export interface Owners {
  /** What a file that belongs to `now` can be given of what the snapshot has. */
  possible(wanted: Pick<Meta, 'uid' | 'gid'>, now: Pick<Meta, 'uid' | 'gid'>): { uid: number; gid: number }
  /** The owner that a new file gets without being asked. */
  readonly own: { uid: number; gid: number }
}

export function ownersOfProcess(): Owners {
  const own = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 }
  if (own.uid === 0) return { own, possible: ({ uid, gid }) => ({ uid, gid }) }
  const groups = new Set([own.gid, ...(process.getgroups?.() ?? [])])
  return {
    own,
    possible: (wanted, now) => ({
      uid: now.uid,
      gid: now.uid === own.uid && groups.has(wanted.gid) ? wanted.gid : now.gid,
    }),
  }
}

export function sameOwner(a: Pick<Meta, 'uid' | 'gid'>, b: Pick<Meta, 'uid' | 'gid'>): boolean {
  return a.uid === b.uid && a.gid === b.gid
}
