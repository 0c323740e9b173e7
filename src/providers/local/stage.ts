import { mkdirSync } from 'node:fs'
import { fail, SnapshotError } from '../../snapshots/errors.ts'
import type { ApplyOptions } from './apply.ts'
import { damagedContent } from './damaged.ts'
import type { Directory } from './directory.ts'
import { ignoreErrors, makeWritable, removeWhole, within, withinSync } from './entry-ops.ts'
import { type ByteString, join } from './names.ts'
import type { DirectoryPlan, Step } from './steps.ts'
import { errno, systemError } from './system-error.ts'
import type { FileEntry } from './tree.ts'
import { setDirectoryMeta, writeFile, writeSymlink } from './write-entry.ts'

/** Everything new, written completely beside its place. */
export interface Staged {
  /** The temporary name under which the new entry of a step waits. */
  nameOf(step: Step): ByteString
  /** Removes what was not moved to its place. */
  drop(): void
}

/** Writes what a plan needs. Whatever fails (a damaged object, a full disk), the source is as it was. */
export async function stagePlan(
  root: Directory,
  plan: DirectoryPlan,
  options: ApplyOptions,
): Promise<Staged> {
  const names = new Map<Step, ByteString>()
  const damaged: ByteString[] = []
  try {
    await stage(root, plan, options.fresh ?? false)
    if (damaged.length > 0) throw damagedContent(damaged)
    await options.staged?.()
  } catch (error) {
    drop(root, plan, true)
    throw changedUnderneath(error) ?? systemError(error, 'The restored files could not be written')
  }
  return { nameOf: (step) => names.get(step) as ByteString, drop: () => drop(root, plan, false) }

  /** In a directory that is itself new (`fresh`) everything goes straight to its final name. */
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

  function drop(dir: Directory, { live, steps }: DirectoryPlan, resetTimes: boolean): void {
    for (const step of steps) {
      if (step.do === 'enter') {
        ignoreErrors(() => withinSync(dir, step.name, (child) => drop(child, step.plan, resetTimes)))
      }
      const name = names.get(step)
      if (name !== undefined) ignoreErrors(() => removeWhole(dir, name))
    }
    if (live && resetTimes) ignoreErrors(() => setDirectoryMeta(dir, live, options))
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
