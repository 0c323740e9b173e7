import type { Context } from '../../snapshots/provider.ts'
import { type Directory, openDirectory } from './directory.ts'
import { type Engine, isoTime } from './engine.ts'
import { compileExclude } from './exclude.ts'
import type { ByteString } from './names.ts'
import { createPause, throwIfCancelled } from './pause.ts'
import { type Scan, scan } from './scan.ts'
import type { Details, Stored } from './store/manifests.ts'
import type { ObjectWriter } from './store/objects.ts'

/** Opens a directory for the time of `work`. */
export async function withDirectory<T>(
  path: ByteString,
  work: (directory: Directory) => Promise<T>,
): Promise<T> {
  const directory = openDirectory(path)
  try {
    return await work(directory)
  } finally {
    directory.close()
  }
}

/** Reads a source without storing anything: what a diff and a plan need. */
export async function inspect(
  engine: Engine,
  directory: Directory,
  root: ByteString,
  exclude: readonly string[],
  ctx: Context,
): Promise<Scan> {
  const counts = { entries: 0, bytes: 0 }
  const found = await scan(directory, {
    exclude: compileExclude(exclude),
    previous: engine.cache.get(root),
    path: root,
    pause: createPause(ctx, { report: () => progress(counts) }),
    clock: engine.clock,
    counts,
  })
  engine.cache.set(root, found.root, found.fresh > 0)
  return found
}

export interface CaptureRequest {
  root: ByteString
  exclude: readonly string[]
  auto: boolean
  details: Details
  /** Looks at what was read before it becomes a snapshot; throws to call it off. */
  approve?(found: Scan): void
}

/** Captures a source into the store. When this returns, the snapshot survives a power cut. */
export async function capture(
  engine: Engine,
  directory: Directory,
  request: CaptureRequest,
  ctx: Context,
): Promise<{ stored: Stored; found: Scan }> {
  const { store, cache, clock } = engine
  const exclude = compileExclude(request.exclude)
  const purpose = request.auto ? 'safety' : 'snapshot'
  store.objects.refresh()
  store.ensureRoom(0, purpose)
  const writer = store.objects.writer()
  const counts = { entries: 0, bytes: 0 }
  const pause = createPause(ctx, {
    backlog: writer,
    report() {
      store.ensureRoom(writer.written(), purpose)
      return progress(counts)
    },
  })
  try {
    const found = await scan(directory, {
      exclude,
      previous: cache.get(request.root),
      path: request.root,
      store: { writer, has: store.objects.has },
      pause,
      clock,
      counts,
    })
    request.approve?.(found)
    await writer.flush()
    store.ensureRoom(writer.written(), purpose)
    throwIfCancelled(ctx)
    await writer.commit()
    const stored = store.manifests.add(manifest(engine, request, found, ctx.operation), request.details)
    cache.set(request.root, found.root, found.fresh > 0)
    return { stored, found }
  } catch (error) {
    await abandon(writer)
    throw error
  }
}

function manifest(engine: Engine, request: CaptureRequest, found: Scan, operation: string) {
  const { stored } = engine.store.manifests.list()
  const root = Buffer.from(request.root, 'latin1').toString('base64')
  const parent = stored.find((other) => !other.trashed && other.manifest.root === root)
  const { tree, mode, uid, gid, mtime } = found.root
  return {
    format: 1 as const,
    root,
    digest: found.digest,
    tree,
    links: found.linksId,
    root_meta: { mode, uid, gid, mtime: String(mtime) },
    created_at: isoTime(engine.clock()),
    sequence: (stored[0]?.manifest.sequence ?? 0) + 1,
    operation,
    auto: request.auto,
    parent: parent?.id ?? null,
    exclude: [...request.exclude],
    size: found.size,
    receipt: found.receipt,
  }
}

async function abandon(writer: ObjectWriter): Promise<void> {
  try {
    await writer.abort()
  } catch {
    // The error that led here is the one to tell; an abandoned pack is swept later.
  }
}

export function progress(counts: { entries: number; bytes: number }) {
  return { done: counts.entries, message: `${counts.entries} entries, ${Math.round(counts.bytes / 1e6)} MB` }
}
