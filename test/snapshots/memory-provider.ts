import { digest } from '../../src/guard/digest.ts'
import { fail, toProblem } from '../../src/snapshots/errors.ts'
import type { Change, Snapshot, Source } from '../../src/snapshots/model.ts'
import type {
  Capabilities,
  Context,
  ListQuery,
  Page,
  Provider,
  RestorePlan,
} from '../../src/snapshots/provider.ts'

/** A small but honest provider: its sources are boxes of named texts, its snapshots are copies of them. */
export type Box = Record<string, string>

export interface MemoryProviderOptions {
  name?: string
  clock: () => number
  capabilities?: Partial<Capabilities>
  /** Awaited in the middle of a call, for tests that need to be there. */
  at?: Partial<Record<'create' | 'restore' | 'restored' | 'delete' | 'list', (ctx: Context) => unknown>>
}

export interface MemoryProvider extends Provider {
  boxes: Map<string, Box>
  /** Snapshots by native id, with their content. */
  shelf: Map<string, { snapshot: Snapshot; content: Box }>
}

const UNDO_MS = 72 * 3_600_000

export function createMemoryProvider({
  name = 'memory',
  clock,
  capabilities,
  at = {},
}: MemoryProviderOptions): MemoryProvider {
  const boxes: MemoryProvider['boxes'] = new Map([['desk', { a: '1', b: '2' }]])
  const shelf: MemoryProvider['shelf'] = new Map()
  let count = 0
  const can: Capabilities = {
    source_kinds: ['box'],
    recipes: [],
    rooted: ['box'],
    create: ['name', 'note', 'labels', 'ttl'],
    captures: ['files'],
    restore_modes: ['in_place', 'new'],
    deletion: 'trash',
    paths: true,
    count: false,
    diff: true,
    verifies: true,
    update: ['name', 'note', 'labels', 'ttl', 'protected'],
    consistency: 'A box does not change while it is copied.',
    ...capabilities,
  }
  const trash = can.deletion === 'trash'
  const undo_until = () => new Date(clock() + UNDO_MS).toISOString()

  const open = (id: string): Box => {
    const box = boxes.get(id)
    if (!box) throw fail('NOT_FOUND', `There is no box ${id}.`, 'snapshot_sources lists them.')
    return box
  }
  const find = (native: string) => {
    const found = shelf.get(native)
    if (!found)
      throw fail('NOT_FOUND', `There is no snapshot ${name}:${native}.`, 'snapshot_list lists them.')
    return found
  }
  const put = (
    fields: Pick<Snapshot, 'name' | 'source' | 'labels' | 'protected' | 'auto'> & Partial<Snapshot>,
  ) => {
    const native = `s${String(++count).padStart(5, '0')}`
    const created_at = new Date(clock()).toISOString()
    const snapshot: Snapshot = {
      provider: name,
      state: 'ready',
      captures: ['files'],
      created_at,
      native: {},
      ...fields,
      id: `${name}:${native}`,
    }
    shelf.set(native, { snapshot, content: { ...open(fields.source.id) } })
    return { native, snapshot }
  }
  const page = <T>(all: T[], limit: number, cursor = '0'): Page<T> => {
    const end = Number(cursor) + limit
    return { items: all.slice(Number(cursor), end), ...(end < all.length && { next: String(end) }) }
  }
  const notCancelled = ({ signal }: Context) => {
    if (signal.aborted) throw fail('CANCELLED', 'Cancelled. Nothing was changed.', 'Call again.')
  }
  const deletable = (native: string) => {
    const found = find(native)
    if (!found.snapshot.protected) return found
    throw fail('PROTECTED', `${found.snapshot.id} is protected.`, 'Leave it out.')
  }
  const sourceOf = (id: string): Source => ({ kind: 'box', id, name: id })
  const wants = (path: string, paths: RestorePlan['request']['paths']) => !paths || paths.includes(path)

  return {
    name,
    contract: 1,
    capabilities: can,
    boxes,
    shelf,
    async resolveSource(text = 'desk') {
      return sourceOf(text.replace(/^box:/, ''))
    },
    async sources({ query = '', limit, cursor }) {
      const ids = [...boxes.keys()].filter((id) => id.includes(query))
      return page(
        ids.map((id) => ({ ...sourceOf(id), provider: name, source: `box:${id}` })),
        limit,
        cursor,
      )
    },
    async create({ options, ...request }, ctx) {
      await at.create?.(ctx)
      notCancelled(ctx)
      const { snapshot } = put({ ...request, native: options ?? {} })
      const files = Object.keys(open(request.source.id)).length
      const receipt = {
        files,
        directories: 0,
        links: 0,
        bytes_captured: files,
        bytes_reused: 0,
        skipped: [],
        changed_during_read: [],
      }
      return { snapshot, receipt }
    },
    async list({ limit, cursor, ...query }, ctx) {
      await at.list?.(ctx)
      const all = [...shelf.values()]
        .map(({ snapshot }) => snapshot)
        .filter((snapshot) => matches(snapshot, query))
        .sort(newestFirst)
      // The cursor names the last one shown, so that a page is not disturbed by new ones.
      const shown = cursor === undefined ? 0 : all.findIndex(({ id }) => id === cursor) + 1
      const items = all.slice(shown, shown + limit)
      return { items, ...(shown + limit < all.length && { next: (items.at(-1) as Snapshot).id }) }
    },
    get: async (native) => find(native).snapshot,
    async planRestore(request) {
      const { snapshot, content } = find(request.snapshot)
      const inPlace = request.mode === 'in_place'
      const target = inPlace ? snapshot.source : sourceOf(request.to ?? `${snapshot.source.id}-copy`)
      const live = inPlace ? open(target.id) : {}
      return {
        request,
        snapshot,
        target,
        summary: `Make ${target.name} equal to "${snapshot.name}"`,
        effects: { names: Object.keys(content).filter((path) => wants(path, request.paths)) },
        reversible: inPlace && trash,
        ...(inPlace && trash && { undo_until: undo_until() }),
        warnings: [],
        fingerprint: digest(live),
      }
    },
    async restore(plan, ctx) {
      const { request, target } = plan
      const { content } = find(request.snapshot)
      await at.restore?.(ctx)
      notCancelled(ctx)
      if (request.mode === 'new') {
        boxes.set(target.id, { ...content })
        return { ...restored(content), targets: [target] }
      }
      const live = open(target.id)
      if (digest(live) !== plan.fingerprint)
        throw fail('PLAN_STALE', 'The box changed. Nothing was done.', 'Call again.')
      const safety = put({ name: 'before restore', source: target, labels: {}, protected: false, auto: true })
      await ctx.record?.({ safety_snapshot: safety.native })
      await ctx.stillHeld?.()
      const outside = Object.entries(live).filter(([path]) => !wants(path, request.paths))
      const inside = Object.entries(content).filter(([path]) => wants(path, request.paths))
      boxes.set(target.id, Object.fromEntries([...outside, ...inside]))
      await at.restored?.(ctx)
      const fingerprint = digest(open(target.id))
      return { ...restored(content), fingerprint, safety_snapshot: safety.native }
    },
    async planDelete(natives) {
      const snapshots = natives.map((native) => deletable(native).snapshot)
      return {
        snapshots,
        summary: `Delete ${snapshots.length} snapshots`,
        effects: { ids: natives },
        reversible: trash,
        ...(trash && { undo_until: undo_until() }),
        warnings: [],
        fingerprint: digest(snapshots),
      }
    },
    async delete({ snapshots }, ctx) {
      const deleted: string[] = []
      const failed: { snapshot: string; code: string; message: string }[] = []
      notCancelled(ctx)
      for (const { id } of snapshots) {
        const native = id.slice(name.length + 1)
        await at.delete?.(ctx)
        try {
          const found = deletable(native)
          if (trash) found.snapshot = { ...found.snapshot, state: 'trashed' }
          else shelf.delete(native)
          deleted.push(native)
        } catch (error) {
          const { code, message } = toProblem(error)
          failed.push({ snapshot: native, code, message })
        }
      }
      return { deleted, failed, freed_bytes: 0 }
    },
    async undelete(natives) {
      return natives.map((native) => {
        const found = find(native)
        found.snapshot = { ...found.snapshot, state: 'ready' }
        return found.snapshot
      })
    },
    async diff({ from, to, limit, cursor = '0' }) {
      const { content, snapshot } = find(from)
      const other = to === undefined ? open(snapshot.source.id) : find(to).content
      const changes = differences(content, other)
      const count = (kind: Change['kind']) => changes.filter((change) => change.kind === kind).length
      const end = Number(cursor) + limit
      return {
        summary: {
          added: count('added'),
          removed: count('removed'),
          modified: count('modified'),
          bytes: changes.length,
        },
        changes: changes.slice(Number(cursor), end),
        ...(end < changes.length && { next: String(end) }),
      }
    },
    async update(native, { expires_at, ...change }) {
      const found = find(native)
      const { expires_at: before, ...rest } = found.snapshot
      const until = expires_at === undefined ? before : expires_at
      found.snapshot = { ...rest, ...(change as Partial<Snapshot>), ...(until && { expires_at: until }) }
      return found.snapshot
    },
    async health() {
      return { healthy: true, usage: { snapshots: shelf.size } }
    },
  }
}

function restored(content: Box) {
  const files = Object.keys(content).length
  return {
    changed: { written: files, deleted: 0, metadata: 0, bytes: files },
    verified: { digest: digest(content), files, bytes: files },
    warnings: [],
  }
}

function differences(before: Box, after: Box): Change[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((path) => before[path] !== after[path])
    .map((path) => {
      const kind = !(path in before) ? 'added' : !(path in after) ? 'removed' : 'modified'
      return { path, kind, type: 'file' }
    })
}

function newestFirst(a: Snapshot, b: Snapshot): number {
  return Date.parse(b.created_at) - Date.parse(a.created_at) || (a.id < b.id ? -1 : 1)
}

function matches(snapshot: Snapshot, query: Omit<ListQuery, 'limit' | 'cursor'>): boolean {
  const { source, name, labels, state, created_after: after, created_before: before } = query
  return (
    (!source || snapshot.source.id === source.id) &&
    (query.include_auto || !snapshot.auto) &&
    (query.include_trashed || snapshot.state !== 'trashed') &&
    (!name || snapshot.name.includes(name)) &&
    (!labels || Object.entries(labels).every(([key, value]) => snapshot.labels[key] === value)) &&
    (!state || snapshot.state === state) &&
    (!after || Date.parse(snapshot.created_at) > Date.parse(after)) &&
    (!before || Date.parse(snapshot.created_at) < Date.parse(before))
  )
}
