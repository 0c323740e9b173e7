import { linkSync, mkdirSync, renameSync, rmdirSync, unlinkSync } from 'node:fs'
import { fail, SnapshotError } from '../../snapshots/errors.ts'
import { damagedContent } from './damaged.ts'
import { type Directory, openBelow } from './directory.ts'
import {
  ignoreErrors,
  isDirectory,
  isKept,
  isUnchanged,
  makeWritable,
  placeNew,
  removeWhole,
  within,
  withinSync,
} from './entry-ops.ts'
import type { Captured } from './live.ts'
import { type ByteString, join } from './names.ts'
import type { Pause } from './pause.ts'
import type { DirectoryPlan, Leader, Step } from './steps.ts'
import type { ObjectStore } from './store/objects.ts'
import { errno, systemError } from './system-error.ts'
import type { FileEntry } from './tree.ts'
import {
  type MetaOptions,
  setDirectoryMeta,
  setSymlinkMeta,
  updateFileMeta,
  writeFile,
  writeSymlink,
} from './write-entry.ts'

export interface ApplyOptions extends MetaOptions {
  objects: ObjectStore
  /** Prefix for names that exist only while the restore runs. */
  temporary: string
  /** The directory is new and nobody else's: everything is written straight to its final name. */
  fresh?: boolean
  pause: Pause
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
  const names = new Map<Step, ByteString>()
  const leftAlone: LeftAlone[] = []
  const damaged: ByteString[] = []
  try {
    await stage(root, plan, options.fresh ?? false)
    if (damaged.length > 0) throw damagedContent(damaged)
  } catch (error) {
    unstage(root, plan)
    throw changedUnderneath(error) ?? systemError(error, 'The restored files could not be written')
  }
  try {
    if (!options.fresh) commit(root, plan)
    link(plan)
    finish(root, plan)
  } catch (error) {
    throw systemError(error, 'The restore stopped half way', 'partial')
  }
  return leftAlone

  /** Writes what is new. In a directory that is itself new (`fresh`) everything goes straight to its final name. */
  async function stage(dir: Directory, { path, steps }: DirectoryPlan, fresh: boolean): Promise<void> {
    if (!fresh && steps.some((step) => step.do !== 'enter')) makeWritable(dir)
    for (const step of steps) {
      if (options.pause.due()) await options.pause.take()
      if (step.do === 'enter') {
        await within(dir, step.name, (child) => stage(child, step.plan, false))
        continue
      }
      if (step.do !== 'write' && step.do !== 'symlink' && step.do !== 'make') continue
      const name = fresh ? step.name : `${options.temporary}${names.size}`
      // Noted before it is made, so that a failure half way is cleaned up too.
      if (!fresh) names.set(step, name)
      if (step.do === 'write') await writeContent(dir, name, step.target, join(path, step.name))
      else if (step.do === 'symlink') writeSymlink(dir, name, step.target, options)
      else {
        mkdirSync(dir.at(name), 0o700)
        await within(dir, name, (child) => stage(child, step.plan, true))
      }
      options.written(join(path, step.name))
    }
  }

  /** Goes on after a damaged object, so that the caller learns of all of them at once. */
  async function writeContent(
    dir: Directory,
    name: ByteString,
    target: FileEntry,
    where: ByteString,
  ): Promise<void> {
    try {
      await writeFile(dir, name, target, options.objects, options, options.pause)
    } catch (error) {
      if (!(error instanceof SnapshotError && error.code === 'CORRUPT')) throw error
      damaged.push(where)
    }
  }

  /** Takes back what `stage` has made, and the times of the directories it made it in. */
  function unstage(dir: Directory, { live, steps }: DirectoryPlan): void {
    for (const step of steps) {
      if (step.do === 'enter')
        ignoreErrors(() => withinSync(dir, step.name, (child) => unstage(child, step.plan)))
      const name = names.get(step)
      if (name !== undefined) ignoreErrors(() => removeWhole(dir, name))
    }
    if (live) ignoreErrors(() => setDirectoryMeta(dir, live, options))
  }

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
        attempt(where, () => place(dir, step, names.get(step) as ByteString, where))
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
      } else if (isUnchanged(dir, live)) renameSync(dir.at(temporary), dir.at(name))
      else changed(where)
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
      const spoilt = leftAlone.some((left) => left.path === leader.path)
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
      if (step.do !== 'enter' && step.do !== 'make') continue
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
      if (!isUnchanged(dir, entry)) return changed(where)
      unlinkSync(dir.at(entry.name))
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
      return changed(where)
    }
  }

  function updateMeta(dir: Directory, step: Extract<Step, { do: 'meta' }>): boolean {
    if (step.target.type === 'file')
      return updateFileMeta(dir, step.name, step.target, step.live.stat, options)
    if (!isUnchanged(dir, step.live)) return false
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

/** A directory that the safety snapshot saw is gone or something else now. */
function changedUnderneath(error: unknown) {
  if (!['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errno(error) ?? '')) return undefined
  return fail(
    'CONFLICT',
    'A directory was removed or replaced while the restore was prepared. Nothing was changed.',
    'Call again when nothing else is at work there.',
    { retryable: true, cause: error },
  )
}
