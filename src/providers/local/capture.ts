import type { Context } from '../../snapshots/provider.ts'
import { requireCalm, watchCalm } from './alone.ts'
import { type Directory, openDirectory } from './directory.ts'
import { type Engine, isoTime } from './engine.ts'
import { knownOf, remember } from './known.ts'
import type { ByteString } from './names.ts'
import { createPause, throwIfCancelled } from './pause.ts'
import { createRoom, withRoom } from './room.ts'
import { type Scan, scan } from './scan.ts'
import type { Lease } from './store/leases.ts'
import { type Details, LAST_SEQUENCE, type Stored } from './store/manifest.ts'
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

/** Reads a source without storing anything: what a diff and a plan need. `settle`: see ScanOptions. */
export async function inspect(
  engine: Engine,
  directory: Directory,
  root: ByteString,
  exclude: readonly string[],
  ctx: Context,
  { settle = false } = {},
): Promise<Scan> {
  requireCalm(engine, root, ctx.operation)
  const counts = { entries: 0, bytes: 0 }
  const pause = createPause(ctx, { report: () => progress(counts) })
  const previous = await knownOf(engine, root, exclude, { operation: ctx.operation, pause })
  const found = await scan(directory, {
    exclude,
    previous,
    settle,
    idOf: engine.store.objects.idOf,
    pause,
    clock: engine.clock,
    counts,
  })
  remember(engine, root, found, ctx.operation)
  return found
}

export interface CaptureRequest {
  root: ByteString
  exclude: readonly string[]
  /** It is to hold what a restore is going to replace. */
  auto: boolean
  details: Details
  /** Looks at what was read before it becomes a snapshot; throws to call it off. */
  approve?(found: Scan): void
}

/**
 * Captures a source into the store. When this returns, the snapshot survives a power cut. Where there is no room, what
 * nobody needs is cleared away first.
 */
export function capture(
  engine: Engine,
  directory: Directory,
  request: CaptureRequest,
  ctx: Context,
): Promise<{ stored: Stored; found: Scan }> {
  return withRoom(engine, ctx, async () => {
    // From before the indexes are read until the snapshot exists, nobody may take away what it relies on.
    const lease = await engine.store.leases.share(ctx.signal)
    try {
      return await captureOnce(engine, directory, request, lease, ctx)
    } finally {
      lease.release()
    }
  })
}

async function captureOnce(
  engine: Engine,
  directory: Directory,
  request: CaptureRequest,
  lease: Lease,
  ctx: Context,
): Promise<{ stored: Stored; found: Scan }> {
  const { store, clock } = engine
  const requireCalmSince = watchCalm(engine, request.root, ctx.operation)
  store.objects.refresh(true)
  const checkRoom = createRoom(engine, request)
  checkRoom()
  const writer = store.objects.writer()
  const counts = { entries: 0, bytes: 0 }
  const pause = createPause(ctx, {
    backlog: writer,
    report() {
      checkRoom(writer)
      return progress(counts)
    },
  })
  try {
    const { root, exclude } = request
    const known = { operation: ctx.operation, pause, toStore: true }
    // From before anything is looked for in the store: what it loses meanwhile has to be looked for again.
    const storedAt = store.objects.losses()
    const scanned = await scan(directory, {
      exclude,
      previous: await knownOf(engine, root, exclude, known),
      settle: request.auto,
      store: { writer, has: store.objects.isSound },
      idOf: store.objects.idOf,
      pause,
      clock,
      counts,
    })
    const found = { ...scanned, storedAt }
    request.approve?.(found)
    await writer.flush()
    checkRoom(writer)
    throwIfCancelled(ctx)
    await writer.commit()
    const others = store.manifests.list().stored
    requireCalmSince(others)
    const made = manifest(engine, request, found, others, ctx.operation)
    const stored = store.commit(lease, made, request.details)
    remember(engine, root, found, ctx.operation)
    return { stored, found }
  } catch (error) {
    await abandon(writer)
    throw error
  }
}

function manifest(
  engine: Engine,
  request: CaptureRequest,
  found: Scan,
  others: readonly Stored[],
  operation: string,
) {
  const root = Buffer.from(request.root, 'latin1').toString('base64')
  const parent = others.find((other) => !other.trashed && other.manifest.root === root)
  const { tree, mode, uid, gid, mtime } = found.root
  return {
    format: 1 as const,
    root,
    digest: found.digest,
    tree,
    links: found.linksId,
    root_meta: { mode, uid, gid, mtime: String(mtime) },
    created_at: isoTime(engine.clock()),
    sequence: Math.min((others[0]?.manifest.sequence ?? 0) + 1, LAST_SEQUENCE),
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
