import { wrongLink } from './damaged.ts'
import { compareLinks } from './hard-links.ts'
import type { Captured, LinkGroups, LiveDirectory, LiveEntry, LiveFile, LiveSymlink } from './live.ts'
import type { ByteString } from './names.ts'
import { join } from './names.ts'
import { type Owners, sameOwner } from './owners.ts'
import type { Pause } from './pause.ts'
import { inTheWay, type Scope } from './scope.ts'
import {
  type DirectoryEntry,
  type Entry,
  type FileEntry,
  type Meta,
  type SymlinkEntry,
  sameTime,
} from './tree.ts'
import { EMPTY_VIEW, entryLimit, pairs, type View } from './view.ts'

/** What has to be done in one directory so that it equals the snapshot, and nothing that does not. */
export interface DirectoryPlan {
  path: ByteString
  /** Absent when the directory does not exist yet. */
  live?: LiveDirectory
  /** Metadata it shall have in the end; absent when it only lies above what is restored. */
  target?: Meta
  steps: Step[]
}

export type Step =
  | { do: 'write'; name: ByteString; target: FileEntry; live?: Captured | undefined }
  /** Made the same file as `leader`, a path that is in its final state by then. */
  | { do: 'link'; name: ByteString; target: FileEntry; leader: Leader; live?: Captured | undefined }
  | { do: 'symlink'; name: ByteString; target: SymlinkEntry; live?: Captured | undefined }
  | { do: 'meta'; name: ByteString; target: FileEntry | SymlinkEntry; live: LiveFile | LiveSymlink }
  | {
      do: 'make'
      name: ByteString
      target: DirectoryEntry
      live?: Captured | undefined
      plan: DirectoryPlan
    }
  | { do: 'enter'; name: ByteString; plan: DirectoryPlan }
  | { do: 'remove'; name: ByteString; live: Captured }

export interface Leader {
  path: ByteString
  /** As it was scanned, when the restore leaves it as it is; undefined when the restore writes it. */
  live: LiveFile | undefined
}

export interface RestoreSteps {
  root: DirectoryPlan
  totals: Totals
  /** Directories of which only the time is to be set. */
  retimed: number
  /** Paths that the snapshot would change but that hold something it must not touch (skipped, excluded, mounts). */
  blocked: ByteString[]
  /** What will be written, with the content each needs: checked to be in the store before anything is touched. */
  contents: { path: ByteString; content: string; chunked: boolean; size: number }[]
  /** One file with names out of scope in the snapshot, and files of their own after the restore. */
  parted: ByteString[]
  /** setuid and setgid bits that policy leaves out. */
  stripped: number
  /** Entries that are made anew and whose owner this process may not give them. */
  disowned: number
  /** First paths of each kind, for a person to look at. */
  samples: { written: ByteString[]; deleted: ByteString[]; metadata: ByteString[] }
}

export interface Totals {
  written: number
  deleted: number
  metadata: number
  bytes: number
}

export interface PlanOptions {
  scope: Scope
  pause: Pause
  /** Owners are compared and set as far as the process may set them. */
  owners: Owners
  /** What policy makes of a file's setuid and setgid bits. */
  specialModes: 'keep' | 'strip'
  /** True when a file of this mode can be opened to set its metadata. */
  readable(mode: number): boolean
}

const SAMPLES = 10
const SPECIAL = 0o6000

/**
 * Compares the live directory with a snapshot and lists the steps between them. Only what differs gets a step. What
 * either side could not or would not capture gets none: a restore neither makes nor removes it.
 */
export async function planSteps(
  live: { view: View; root?: LiveDirectory; links: LinkGroups },
  target: { view: View; meta: Meta; links: LinkGroups },
  options: PlanOptions,
): Promise<RestoreSteps> {
  const { scope, pause } = options
  const totals: Totals = { written: 0, deleted: 0, metadata: 0, bytes: 0 }
  const samples: RestoreSteps['samples'] = { written: [], deleted: [], metadata: [] }
  const blocked: ByteString[] = []
  const parted = new Set<ByteString>()
  const contents: RestoreSteps['contents'] = []
  let stripped = 0
  let disowned = 0
  let retimed = 0
  const links = compareLinks(live, target.links, scope)
  const count = entryLimit(target.view)
  /** Files that get a new inode: whoever shall be the same file has to be linked to it again. */
  const renewed = new Map<ByteString, FileEntry>()
  const changedInodes = new Set<string>()
  const keptFiles = new Map<ByteString, LiveFile>()

  const note = (kind: keyof typeof samples, path: ByteString) => {
    totals[kind]++
    if (samples[kind].length < SAMPLES) samples[kind].push(path)
  }

  const planDirectory = async (
    path: ByteString,
    from: View,
    to: View,
    liveEntry: LiveDirectory | undefined,
    meta: Meta | undefined,
  ): Promise<DirectoryPlan> => {
    const steps: Step[] = []
    for (const [l, t] of pairs(from.entries as readonly LiveEntry[], to.entries)) {
      if (pause.due()) await pause.take()
      if (t) count()
      const step = await planEntry(join(path, (l ?? t)?.name as ByteString), l, t, from, to)
      if (step) steps.push(step)
    }
    return { path, steps, ...(liveEntry && { live: liveEntry }), ...(meta && { target: meta }) }
  }

  const planEntry = async (
    path: ByteString,
    l: LiveEntry | undefined,
    t: Entry | undefined,
    from: View,
    to: View,
  ): Promise<Step | undefined> => {
    const where = scope.of(path)
    if (where === 'outside') return undefined
    if (t?.type === 'skipped' || (!t && l?.type === 'skipped')) return undefined
    if (l?.type === 'skipped') return block(path)
    if (t?.type === 'directory' && (l?.type === 'directory' || !l || where === 'inside')) {
      return planSubdirectory(path, l, t, from, to, where === 'inside')
    }
    if (where === 'above' && t?.type === 'directory' && l) throw inTheWay(path, l.type)
    if (where === 'above') return l?.type === 'directory' ? planBelow(path, l, from) : undefined
    if (!t) return l ? planRemoval(path, l) : undefined
    if (l?.type === 'directory' && holdsSkipped(l)) return block(path)
    if (t.type === 'symlink') return planSymlink(path, l, t)
    return planFile(path, l, t as FileEntry)
  }

  const planSubdirectory = async (
    path: ByteString,
    l: Captured | undefined,
    t: DirectoryEntry,
    from: View,
    to: View,
    inside: boolean,
  ): Promise<Step | undefined> => {
    if (l?.type !== 'directory') {
      note('written', path)
      const plan = await planDirectory(path, EMPTY_VIEW, await to.enter(t), undefined, t)
      return { do: 'make', name: t.name, target: t, live: l, plan }
    }
    const differs = inside && metaDiffers(l, t)
    if (l.tree === t.tree && links.unchanged && !differs) return undefined
    const plan = await planDirectory(path, await from.enter(l), await to.enter(t), l, inside ? t : undefined)
    if (differs) noteDirectory(path, l, t)
    return differs || plan.steps.length > 0 ? { do: 'enter', name: t.name, plan } : undefined
  }

  /** Only in the live source, and only something below it was named. */
  const planBelow = async (path: ByteString, l: LiveDirectory, from: View): Promise<Step | undefined> => {
    const plan = await planDirectory(path, await from.enter(l), EMPTY_VIEW, l, undefined)
    return plan.steps.length > 0 ? { do: 'enter', name: l.name, plan } : undefined
  }

  const planRemoval = async (path: ByteString, l: Captured): Promise<Step> => {
    if (l.type !== 'directory' || !holdsSkipped(l)) {
      countRemoved(path, l)
      return { do: 'remove', name: l.name, live: l }
    }
    // Something in it was never captured: the directory stays, and so does that.
    blocked.push(path)
    const steps = await Promise.all(
      l.children
        .filter((child): child is Captured => child.type !== 'skipped')
        .map((child) => planRemoval(join(path, child.name), child)),
    )
    return { do: 'enter', name: l.name, plan: { path, live: l, steps } }
  }

  const countRemoved = (path: ByteString, l: LiveEntry) => {
    note('deleted', path)
    if (l.type === 'directory') for (const child of l.children) countRemoved(join(path, child.name), child)
  }

  const planSymlink = (path: ByteString, l: Captured | undefined, t: SymlinkEntry): Step | undefined => {
    if (l?.type === 'symlink' && l.target === t.target) {
      if (!metaDiffers(l, t)) return undefined
      note('metadata', path)
      return { do: 'meta', name: t.name, target: t, live: l }
    }
    note('written', path)
    return { do: 'symlink', name: t.name, target: t, live: l }
  }

  const planFile = (path: ByteString, l: Captured | undefined, t: FileEntry): Step | undefined => {
    const group = links.wanted(path)
    const leader = group && group.names[0] !== path ? group.names[0] : undefined
    const sameContent = l?.type === 'file' && l.content === t.content && l.size === t.size
    const sameInodes = links.same(path) || (!group && scope.named)
    const current = sameContent && sameInodes && !(leader !== undefined && renewed.has(leader))
    if (current && group) keptFiles.set(path, l)
    if (links.hasOthers(path) && !(current && links.same(path))) parted.add(path)
    if (current && !metaDiffers(l, t)) return undefined
    if (current && options.readable(l.mode) && links.isOurs(path, l.stat.nlink)) {
      // Metadata belongs to the inode: once for all its names.
      const inode = `${l.stat.dev}:${l.stat.ino}`
      if (l.stat.nlink > 1n && changedInodes.has(inode)) return undefined
      changedInodes.add(inode)
      note('metadata', path)
      return { do: 'meta', name: t.name, target: t, live: l }
    }
    note('written', path)
    if (leader !== undefined) {
      const kept = renewed.has(leader) ? undefined : keptFiles.get(leader)
      if ((renewed.get(leader) ?? kept)?.content !== t.content) throw wrongLink(path)
      return { do: 'link', name: t.name, target: t, leader: { path: leader, live: kept }, live: l }
    }
    renewed.set(path, t)
    if (links.hasOthers(path)) parted.add(path)
    totals.bytes += t.size
    contents.push({ path, content: t.content, chunked: t.chunked, size: t.size })
    noteOwner(t)
    if (options.specialModes === 'strip' && (t.mode & SPECIAL) !== 0) stripped++
    return { do: 'write', name: t.name, target: t, live: l }
  }

  const block = (path: ByteString): undefined => {
    blocked.push(path)
    return undefined
  }

  const metaDiffers = (l: Meta, t: Meta & { type: Entry['type'] }): boolean =>
    !sameTime(l.mtime, t.mtime) || rightsDiffer(l, t)

  const rightsDiffer = (l: Meta, t: Meta & { type: Entry['type'] }): boolean => {
    const allowed = t.type === 'file' && l.mode === allowedMode(t.mode, options.specialModes)
    const modeDiffers = t.type !== 'symlink' && l.mode !== t.mode && !allowed
    return modeDiffers || !sameOwner(l, options.owners.possible(t, l))
  }

  /** What is made anew belongs to this process first. */
  const noteOwner = (t: Meta) => {
    if (!sameOwner(t, options.owners.possible(t, options.owners.own))) disowned++
  }

  /** A directory's time follows from what changes in it: it is set, but not worth telling. */
  const noteDirectory = (path: ByteString, l: Meta, t: Meta) => {
    if (rightsDiffer(l, { ...t, type: 'directory' })) note('metadata', path === '' ? '.' : path)
    else retimed++
  }

  const whole = !scope.named || !live.root ? target.meta : undefined
  const root = await planDirectory('', live.view, target.view, live.root, whole)
  if (live.root && whole && metaDiffers(live.root, { ...whole, type: 'directory' }))
    noteDirectory('', live.root, whole)
  return { root, totals, retimed, blocked, parted: [...parted], contents, stripped, disowned, samples }
}

/** setuid and setgid of a file are restored only if policy keeps them; the rest always is. */
export function allowedMode(mode: number, policy: 'keep' | 'strip'): number {
  return policy === 'keep' ? mode : mode & ~SPECIAL
}

function holdsSkipped(directory: LiveDirectory): boolean {
  return directory.children.some(
    (child) => child.type === 'skipped' || (child.type === 'directory' && holdsSkipped(child)),
  )
}

export function isEmptySteps(plan: RestoreSteps): boolean {
  const { written, deleted, metadata } = plan.totals
  return written + deleted + metadata + plan.retimed === 0
}
