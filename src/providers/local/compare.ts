import type { Change } from '../../snapshots/model.ts'
import type { Context, DiffRequest, DiffResult } from '../../snapshots/provider.ts'
import { decodeCursor, encodeCursor } from '../cursor.ts'
import { inspect, withDirectory } from './capture.ts'
import { type Difference, diffTrees, type Side } from './diff.ts'
import type { Engine } from './engine.ts'
import { type ByteString, show, showText } from './names.ts'
import { createPause } from './pause.ts'
import { createScope, requireNamed } from './scope.ts'
import { find } from './shelf.ts'
import { rootOf } from './snapshot-view.ts'
import type { Stored } from './store/manifest.ts'
import { type ReadText, readLive, readStored, type TextDiff, textDiff } from './text-diff.ts'
import type { Entry } from './tree.ts'
import { liveView, storedLinks, storedView } from './view.ts'

/** Differences between two snapshots, or between one and its source as it is now. */
export async function compare(engine: Engine, request: DiffRequest, ctx: Context): Promise<DiffResult> {
  const { objects } = engine.store
  const from = find(engine, request.from)
  const readBefore = readStored(objects)
  if (request.to !== undefined) {
    const to = find(engine, request.to)
    return describe(
      request,
      from,
      await storedSide(engine, from),
      await storedSide(engine, to),
      readBefore,
      readStored(objects),
      ctx,
    )
  }
  const path = engine.roots.check(rootOf(from.manifest))
  return withDirectory(path, async (directory) => {
    const found = await inspect(engine, directory, path, from.manifest.exclude, ctx)
    const live = { view: liveView(found.root), links: found.links }
    return describe(request, from, await storedSide(engine, from), live, readBefore, readLive(directory), ctx)
  })
}

async function storedSide({ store }: Engine, stored: Stored): Promise<Side> {
  return {
    view: await storedView(store.objects, stored),
    links: await storedLinks(store.objects, stored.manifest),
  }
}

async function describe(
  request: DiffRequest,
  from: Stored,
  before: Side,
  after: Side,
  readBefore: ReadText,
  readAfter: ReadText,
  ctx: Context,
): Promise<DiffResult> {
  const scope = createScope(request.paths, rootOf(from.manifest))
  await requireNamed(scope, [before.view, after.view])
  const pause = createPause(ctx)
  // `config.json` is no secret by itself, but it is in a source called `.docker`.
  const base = showText(rootOf(from.manifest)).split('/').at(-1) as string
  const differences = await diffTrees(before, after, scope, pause)
  const rest = afterCursor(differences, request.cursor)
  const shown = rest.slice(0, request.limit)
  const changes: Change[] = []
  for (const difference of shown) {
    if (request.content) await pause.take()
    const text = request.content ? await textDiff(difference, base, readBefore, readAfter) : undefined
    changes.push(toChange(difference, text))
  }
  const last = shown.at(-1)
  return {
    summary: summarise(differences),
    changes,
    ...(rest.length > shown.length && last && { next: encodeCursor('differences', last.path) }),
  }
}

/** The cursor names the last path shown; what comes after it in the order of the walk is next. */
function afterCursor(differences: Difference[], cursor: string | undefined): Difference[] {
  if (cursor === undefined) return differences
  const last = walkOrder(decodeCursor('differences', cursor))
  return differences.filter(({ path }) => walkOrder(path) > last)
}

/** A walk visits a directory, then what is in it, then its next sibling: the order of paths with `/` below all else. */
function walkOrder(path: ByteString): string {
  return path.replaceAll('/', '\0')
}

function summarise(differences: Difference[]) {
  const summary = { added: 0, removed: 0, modified: 0, bytes: 0 }
  for (const { kind, before, after, aspects } of differences) {
    summary[kind]++
    const counted =
      kind === 'removed'
        ? before
        : kind === 'added' || aspects.includes('content') || aspects.includes('type')
          ? after
          : undefined
    summary.bytes += counted?.type === 'file' ? counted.size : 0
  }
  return summary
}

function toChange({ path, kind, before, after, aspects }: Difference, text: TextDiff | undefined): Change {
  const entry = (after ?? before) as Entry
  return {
    ...show(path),
    kind,
    type: entry.type,
    ...(aspects.length > 0 && { aspects }),
    ...(before?.type === 'file' && { size_before: before.size }),
    ...(after?.type === 'file' && { size_after: after.size }),
    ...(aspects.includes('mode') && { mode_before: octal(before), mode_after: octal(after) }),
    ...text,
  }
}

function octal(entry: Entry | undefined): string {
  return entry && entry.type !== 'skipped' ? entry.mode.toString(8).padStart(4, '0') : ''
}
