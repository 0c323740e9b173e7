import { fstatSync } from 'node:fs'
import { SnapshotError } from '../../snapshots/errors.ts'
import type { Recovered } from '../../snapshots/interrupted.ts'
import type { Context } from '../../snapshots/provider.ts'
import { type Directory, openDirectory } from './directory.ts'
import type { Engine } from './engine.ts'
import { openUnlessBarred } from './entry-ops.ts'
import { endOf, goOn } from './half-done.ts'
import type { InPlaceEntry } from './journal.ts'
import type { End } from './midway.ts'
import { type ByteString, showText } from './names.ts'
import { createPause, type Pause } from './pause.ts'
import { removeEmpty } from './restore-in-place.ts'
import { createScope } from './scope.ts'
import { find } from './shelf.ts'
import { rootOf } from './snapshot-view.ts'
import type { Stored } from './store/manifest.ts'
import { errno } from './system-error.ts'
import { removeTemporaries } from './temporaries.ts'
import { sameTime } from './tree.ts'
import type { View } from './view.ts'
import { setDirectoryMeta } from './write-entry.ts'

export type Ending = Omit<Recovered, 'operation'>

/** What a restore in place needs that is to be gone on with. */
interface Interrupted {
  entry: InPlaceEntry
  /** Absent when they are not there any more. */
  target: Stored | undefined
  safety: Stored | undefined
}

/** Finishes or rolls back a restore in place that was interrupted. The caller holds the lock on the source. */
export async function takeUp(
  engine: Engine,
  path: ByteString,
  entry: InPlaceEntry,
  ctx: Context,
): Promise<Ending> {
  const interrupted = {
    entry,
    target: ofItsSource(engine, entry, entry.snapshot),
    safety: ofItsSource(engine, entry, entry.safety),
  }
  const directory = openIfThere(path)
  if (!directory) {
    return entry.phase === 'committing' ? left('The source is not there any more.') : ROLLED_BACK
  }
  try {
    const ending = await settle(engine, directory, interrupted, ctx)
    if (ending.outcome === 'rolled_back') removeEmpty(lastOf(path, entry.made))
    return ending
  } finally {
    directory.close()
  }
}

function openIfThere(path: ByteString): Directory | undefined {
  try {
    return openDirectory(path)
  } catch (error) {
    if (errno(error) === 'ENOENT' || errno(error) === 'ENOTDIR') return undefined
    throw error
  }
}

const ROLLED_BACK: Ending = {
  outcome: 'rolled_back',
  message: 'The server was stopped before it changed anything, and what it had prepared was removed.',
}

function left(why: string): Ending {
  return { outcome: 'left', message: `The server was stopped while it restored this. ${why}` }
}

async function settle(
  engine: Engine,
  directory: Directory,
  interrupted: Interrupted,
  ctx: Context,
): Promise<Ending> {
  const { entry, safety } = interrupted
  const pause = createPause(ctx)
  if (entry.phase === 'saving') return ROLLED_BACK
  await removeTemporaries(directory, entry.temporary, { deep: true, pause })
  if (entry.phase === 'committing') return finish(engine, directory, interrupted, ctx)
  if (safety && !isOutdated(engine, safety)) await resetDirectories(engine, directory, safety, pause)
  return ROLLED_BACK
}

/**
 * Restores once more, from what is there now. That needs no new safety snapshot: whatever it replaces or removes is as
 * the safety snapshot has it, or as the interrupted restore itself has put it there.
 */
async function finish(
  engine: Engine,
  directory: Directory,
  { entry, target, safety }: Interrupted,
  ctx: Context,
): Promise<Ending> {
  if (!target || !safety) return left('A snapshot that it needs is gone, so it stays half done.')
  if (isOutdated(engine, safety)) return left('Another restore was begun there since, so it stays as it is.')
  const { root, temporary } = entry
  const scope = () => createScope(entry.paths, root)
  try {
    const end = await goOn(
      engine,
      directory,
      { root, scope, before: safety, after: target, temporary },
      target,
      ctx,
    )
    if (typeof end === 'string') {
      const what = end === '' ? 'The directory itself' : JSON.stringify(showText(end))
      return left(`${what} was changed by somebody else since, so it stays half done.`)
    }
    const message =
      'The server was stopped while it restored this; the restore was finished at the next start.'
    return { outcome: 'finished', message, fingerprint: end.found.fingerprint }
  } catch (error) {
    // Somebody got in between. Whatever else it is, such as a full disk, is tried again at the next start.
    if (!(error instanceof SnapshotError && error.code === 'CONFLICT')) throw error
    return left(error.problem.message)
  }
}

/** Gives the directories that were opened for work, and then held temporary names, their modes and times back. */
async function resetDirectories(
  engine: Engine,
  directory: Directory,
  safety: Stored,
  pause: Pause,
): Promise<void> {
  const reset = async (dir: Directory, { view, meta }: End): Promise<void> => {
    for (const entry of view.entries) {
      if (pause.due()) await pause.take()
      const child = entry.type === 'directory' ? openUnlessBarred(dir, entry.name) : undefined
      if (!child || entry.type !== 'directory') continue
      try {
        await reset(child, { view: await view.enter(entry), meta: entry })
      } finally {
        child.close()
      }
    }
    const stats = fstatSync(dir.fd, { bigint: true })
    const mode = Number(stats.mode & 0o7777n)
    if (mode === meta.mode && sameTime(stats.mtimeNs, meta.mtime)) return
    if ((mode === meta.mode || mode === (meta.mode | 0o700)) && holdsTheSame(dir, view)) {
      setDirectoryMeta(dir, meta, engine.meta)
    }
  }
  await reset(directory, await endOf(engine, safety))
}

/** Otherwise somebody has made or removed something in it since, and its time tells when. */
function holdsTheSame(dir: Directory, { entries }: View): boolean {
  const names = dir.names()
  return names.length === entries.length && names.every((name, n) => name === entries[n]?.name)
}

/** Each restore in place begins with a safety snapshot, so a later one tells of a later restore, or of an undo. */
function isOutdated({ store }: Engine, { manifest: safety }: Stored): boolean {
  return store.manifests
    .list()
    .stored.some(
      ({ manifest }) => manifest.auto && manifest.root === safety.root && manifest.sequence > safety.sequence,
    )
}

function ofItsSource(engine: Engine, { root }: InPlaceEntry, id: string | undefined): Stored | undefined {
  const stored = id === undefined ? undefined : findIfThere(engine, id)
  if (stored && rootOf(stored.manifest) !== root) {
    throw new Error('the journal names a snapshot of another source')
  }
  return stored
}

function findIfThere(engine: Engine, id: string): Stored | undefined {
  try {
    return find(engine, id)
  } catch (error) {
    if (error instanceof SnapshotError && ['NOT_FOUND', 'CORRUPT'].includes(error.code)) return undefined
    throw error
  }
}

/** A directory and those above it, topmost first. */
function lastOf(path: ByteString, count: number): ByteString[] {
  const found: ByteString[] = []
  for (let at = path; found.length < count && at !== ''; at = at.slice(0, at.lastIndexOf('/')))
    found.unshift(at)
  return found
}
