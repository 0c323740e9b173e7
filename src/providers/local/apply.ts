import { linkSync, renameSync, rmdirSync, unlinkSync } from 'node:fs'
import { type Directory, openBelow } from './directory.ts'
import {
  ignoreErrors,
  inodeOf,
  isDirectory,
  isKept,
  isUnchanged,
  makeWritable,
  placeNew,
  removeWhole,
  withinSync,
} from './entry-ops.ts'
import type { Captured } from './live.ts'
import { type ByteString, join } from './names.ts'
import type { Pause } from './pause.ts'
import { stagePlan } from './stage.ts'
import type { DirectoryPlan, Leader, Step } from './steps.ts'
import type { ObjectStore } from './store/objects.ts'
import { errno, systemError } from './system-error.ts'
import { type MetaOptions, setDirectoryMeta, setSymlinkMeta, updateFileMeta } from './write-entry.ts'

export interface ApplyOptions extends MetaOptions {
  objects: ObjectStore
  /** Prefix for names that exist only while the restore runs. */
  temporary: string
  /** The directory is new and nobody else's: everything is written straight to its final name. */
  fresh?: boolean
  pause: Pause
  /** Called when everything is written beside its place, before anything is moved there. */
  staged?(): Promise<void>
  /** Called for each file written, for progress. */
  written(path: ByteString): void
}

/** A path that was left as it is, because it was no longer what the safety snapshot had seen, or could not be changed. */
export interface LeftAlone {
  path: ByteString
  reason: 'changed_meanwhile' | 'not_permitted'
}

/**
 * Carries out a plan in three passes. First every new file, link and directory is written completely beside its
 * final place: whatever fails here (a damaged object, a full disk) leaves the source as it was. Then they are moved into
 * place and the superfluous removed, each only if it is still what the safety snapshot saw. Last come the
 * directories' own modes and times.
 */
export async function applyPlan(
  root: Directory,
  plan: DirectoryPlan,
  options: ApplyOptions,
): Promise<LeftAlone[]> {
  const leftAlone: LeftAlone[] = []
  /** Inodes of which a name was taken away, or the rights were set, by this restore. */
  const touched = new Set<string>()
  /** New directories that did not get to their place: what was to be in them is not there. */
  const misplaced = new Set<Step>()
  const staged = await stagePlan(root, plan, options)
  try {
    if (!options.fresh) commit(root, plan)
    link(plan)
    finish(root, plan)
  } catch (error) {
    staged.drop()
    throw systemError(error, 'The restore stopped half way', 'partial')
  }
  return leftAlone

  function commit(dir: Directory, { path, steps }: DirectoryPlan): void {
    for (const step of steps) {
      const where = join(path, step.name)
      if (step.do === 'enter') {
        attempt(where, () => withinSync(dir, step.name, (child) => commit(child, step.plan)))
      } else if (step.do === 'remove') {
        attempt(where, () => removeKnown(dir, step.live, where))
      } else if (step.do === 'meta') {
        attempt(where, () => updateMeta(dir, step) || changed(where))
      } else if (step.do !== 'link') {
        const before = leftAlone.length
        attempt(where, () => place(dir, step, staged.nameOf(step), where))
        if (leftAlone.length > before) misplaced.add(step)
      }
    }
  }

  /** Moves a finished entry to its name, over the old one if that is still the one that was scanned. */
  function place(
    dir: Directory,
    step: Exclude<Step, { do: 'enter' | 'remove' | 'meta' }>,
    temporary: ByteString,
    where: ByteString,
  ): void {
    const { live, name } = step
    try {
      if (!live) placeNew(dir, temporary, name, step.do === 'make')
      else if (live.type === 'directory' || step.do === 'make') {
        if (removeKnown(dir, live, where)) placeNew(dir, temporary, name, step.do === 'make')
      } else if (isUnchanged(dir, live, touched)) {
        renameSync(dir.at(temporary), dir.at(name))
        touched.add(inodeOf(live))
      } else changed(where)
    } catch (error) {
      if (errno(error) !== 'EEXIST' && errno(error) !== 'ENOTEMPTY' && errno(error) !== 'ENOTDIR') throw error
      changed(where)
    } finally {
      removeWhole(dir, temporary)
    }
  }

  /** Hard links, once every file they name is in place. */
  function link({ path, steps }: DirectoryPlan): void {
    for (const step of steps) {
      if (misplaced.has(step)) continue
      if (step.do === 'enter' || step.do === 'make') link(step.plan)
      if (step.do !== 'link') continue
      const where = join(path, step.name)
      attempt(where, () => linkTo(step.leader, path, step, where))
    }
  }

  function linkTo(
    leader: Leader,
    path: ByteString,
    step: Extract<Step, { do: 'link' }>,
    where: ByteString,
  ): void {
    const parts = leader.path.split('/')
    const name = parts.pop() as ByteString
    const leaderDir = openBelow(root, parts)
    const dir = openBelow(root, path === '' ? [] : path.split('/'))
    try {
      // Never another name for what somebody else has put there.
      const spoilt = leftAlone.some(({ path: left }) => `${leader.path}/`.startsWith(`${left}/`))
      if (spoilt || (leader.live && !isKept(leaderDir, name, leader.live, step.target))) {
        changed(where)
        return
      }
      const temporary = `${options.temporary}l`
      linkSync(leaderDir.at(name), dir.at(step.live ? temporary : step.name))
      if (step.live) place(dir, step, temporary, where)
      options.written(where)
    } finally {
      leaderDir.close()
      dir.close()
    }
  }

  /** Modes, owners and times of the directories that were touched, the deepest first. */
  function finish(dir: Directory, { path, live, target, steps }: DirectoryPlan): void {
    for (const step of steps) {
      if ((step.do !== 'enter' && step.do !== 'make') || misplaced.has(step)) continue
      attempt(join(path, step.name), () => withinSync(dir, step.name, (child) => finish(child, step.plan)))
    }
    if (live && !isDirectory(dir, live)) {
      changed(path)
      return
    }
    const meta = target ?? live
    if (meta) attempt(path, () => setDirectoryMeta(dir, meta, options))
  }

  /** Removes an entry with everything the scan saw in it. False when something else is there now, which then stays. */
  function removeKnown(dir: Directory, entry: Captured, where: ByteString): boolean {
    if (entry.type !== 'directory') {
      if (!isUnchanged(dir, entry, touched)) return changed(where)
      unlinkSync(dir.at(entry.name))
      touched.add(inodeOf(entry))
      return true
    }
    withinSync(dir, entry.name, (child) => {
      makeWritable(child)
      for (const below of entry.children) {
        if (below.type === 'skipped') continue
        const path = join(where, below.name)
        attempt(path, () => removeKnown(child, below, path))
      }
    })
    try {
      rmdirSync(dir.at(entry.name))
      return true
    } catch (error) {
      if (errno(error) !== 'ENOTEMPTY' && errno(error) !== 'EEXIST') throw error
      // It stays, so its mode and times do too.
      ignoreErrors(() => withinSync(dir, entry.name, (child) => setDirectoryMeta(child, entry, options)))
      return changed(where)
    }
  }

  function updateMeta(dir: Directory, step: Extract<Step, { do: 'meta' }>): boolean {
    if (!isUnchanged(dir, step.live, touched)) return false
    touched.add(inodeOf(step.live))
    if (step.target.type === 'file')
      return updateFileMeta(dir, step.name, step.target, step.live.stat, options)
    setSymlinkMeta(dir, step.name, step.target, options)
    return true
  }

  function changed(path: ByteString): false {
    leftAlone.push({ path, reason: 'changed_meanwhile' })
    return false
  }

  /** One path that cannot be changed must not keep the others from being restored. */
  function attempt(path: ByteString, work: () => unknown): void {
    try {
      work()
    } catch (error) {
      const code = errno(error)
      if (code === 'EACCES' || code === 'EPERM' || code === 'EBUSY')
        leftAlone.push({ path, reason: 'not_permitted' })
      else if (code === 'ENOENT' || code === 'EEXIST' || code === 'ELOOP' || code === 'ENOTDIR') changed(path)
      else throw error
    }
  }
}
