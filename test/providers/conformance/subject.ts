import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import type { Snapshot, Source } from '../../../src/snapshots/model.ts'
import type {
  Capabilities,
  Context,
  CreateRequest,
  ListQuery,
  Provider,
  RestoreRequest,
  RestoreResult,
} from '../../../src/snapshots/provider.ts'
import { silent } from '../../snapshots/world.ts'

/** What a check works on: a provider, and ways to touch and see its sources that do not go through it. */
export interface Subject {
  provider: Provider
  source: Source
  /** Another source of the same provider, holding something else. */
  other?: Source
  /** A source that is only read, such as an image. */
  recipe?: Source
  /** A source that takes long enough to tell progress about. */
  bulky?: Source
  /** Where the provider can do less with its kind than it declares. */
  less?: Partial<Pick<Capabilities, 'restore_modes' | 'update'>>
  /** For mode `new`: where nothing is yet, another each time; and where something is already. */
  vacant?(): string
  occupied?: string
  /** Changes what `source` holds, differently each time. Says what was added, changed and removed, where paths are known. */
  mutate(): Map<string, 'added' | 'removed' | 'modified'>
  /** Changes what a plan for `source` is made for, where the provider cannot see what that holds. Default: `mutate`. */
  disturb?(): unknown
  /** Digest of everything a source holds. */
  state(source: Source): string | Promise<string>
  /** What is at one path of a source; undefined when there is nothing. */
  peek?(source: Source, path: string): string | undefined
  /** Everything that could be a source: to notice what comes and goes. */
  places?(): readonly string[]
  /** Puts in more snapshots and sources than the system gives at once, and says how many there are then. */
  crowd?(): { snapshots: number; sources: number }
  /**
   * Has the system do the next thing that it is asked to do, and break off the connection in place of its answer. The
   * returned function tells whether it has.
   */
  loseAnswer?(): () => boolean
  /** Makes sure that the next snapshot gets a later time. */
  tick(): unknown
  /** Milliseconds since the epoch, where it is not the real time. */
  now?(): number
  cleanup(): unknown
}

export interface Check {
  name: string
  /** Says whether the provider promises this at all. */
  needs?(subject: Subject): boolean
  run(subject: Subject): Promise<void>
}

let operations = 0

/** Each call is an operation of its own, with an id like those of the service. */
export function context(overrides: Partial<Context> = {}): Context {
  return {
    signal: new AbortController().signal,
    progress() {},
    log: silent,
    operation: `op_${String(++operations).padStart(20, '0')}`,
    ...overrides,
  }
}

export const native = ({ id }: { id: string }) => id.slice(id.indexOf(':') + 1)

/** The text as a name that the provider takes. */
export function named({ provider }: Subject, text: string): string {
  const { names } = provider.capabilities
  const name = names ? text.replaceAll(' ', '-') : text
  if (names) {
    expect(name).toMatch(new RegExp(`^(?:${names.pattern})$`))
    expect(name.length).toBeLessThanOrEqual(names.max)
  }
  return name
}

let saves = 0

/** Asks for as much of the fields as the provider can keep. Where names are no free text, no two may be the same. */
export function createRequest(s: Subject, fields: Partial<CreateRequest> = {}): CreateRequest {
  const { create, update, names } = can(s)
  const { name = names ? `a save point ${++saves}` : 'a save point', note, expires_at } = fields
  return {
    source: fields.source ?? s.source,
    name: named(s, name),
    labels: create.includes('labels') ? (fields.labels ?? {}) : {},
    auto: fields.auto ?? false,
    protected: (update.includes('protected') && fields.protected) || false,
    ...(note !== undefined && create.includes('note') && { note }),
    ...(expires_at !== undefined && create.includes('ttl') && { expires_at }),
  }
}

/** Captures the source and waits until the snapshot is ready. */
export async function save(s: Subject, fields: Partial<CreateRequest> = {}): Promise<Snapshot> {
  await s.tick()
  let { snapshot } = await s.provider.create(createRequest(s, fields), context())
  for (let polls = 0; snapshot.state === 'creating' && polls < 100; polls++) {
    await sleep(20)
    snapshot = await s.provider.get(native(snapshot), context())
  }
  return snapshot
}

/** In the provider's main mode, unless the fields say otherwise. */
export const restoreRequest = (
  s: Subject,
  snapshot: { id: string },
  fields: Partial<RestoreRequest> = {},
): RestoreRequest => ({
  snapshot: native(snapshot),
  count: 1,
  ...(inPlace(s) ? { mode: 'in_place' } : elsewhere(s)),
  ...fields,
})

/** A restore to a new place. */
export const elsewhere = (s: Subject) => ({ mode: 'new' as const, ...(s.vacant && { to: s.vacant() }) })

export async function restore(
  s: Subject,
  snapshot: Snapshot,
  fields: Partial<RestoreRequest> = {},
  overrides: Partial<Context> = {},
): Promise<RestoreResult> {
  const plan = await s.provider.planRestore(restoreRequest(s, snapshot, fields), context())
  return s.provider.restore(plan, context(overrides))
}

/** The state that a snapshot brings back, in the provider's main mode. */
export async function broughtBack(s: Subject, snapshot: Snapshot): Promise<string> {
  const { targets = [s.source] } = await restore(s, snapshot)
  expect(targets).toHaveLength(1)
  return s.state(targets[0] as Source)
}

export async function remove(s: Subject, ...snapshots: Snapshot[]) {
  return s.provider.delete(await s.provider.planDelete(snapshots.map(native), context()), context())
}

/** Every snapshot that the query finds, page by page. */
export async function all(s: Subject, query: Partial<ListQuery> = {}): Promise<Snapshot[]> {
  const found: Snapshot[] = []
  let cursor: string | undefined
  do {
    const page = await s.provider.list(
      { include_auto: false, include_trashed: false, limit: 100, ...query, ...(cursor && { cursor }) },
      context(),
    )
    const { limit = 100 } = query
    expect(page.items.length).toBeLessThanOrEqual(limit)
    // An empty page with a next one would send a caller round and round.
    if (page.next !== undefined) expect(page.items.length).toBe(limit)
    found.push(...page.items)
    cursor = page.next
  } while (cursor !== undefined)
  return found
}

/** All that a call which changes nothing must leave as it was. */
export async function everything(s: Subject) {
  const shelf = await all(s, { include_auto: true, include_trashed: true })
  const sources = [s.source, s.other].filter((source) => source !== undefined)
  const states = await Promise.all(sources.map((source) => s.state(source)))
  return { shelf, states, places: s.places?.() }
}

/** What can be done with the source and its snapshots. */
export const can = (s: Subject): Capabilities => ({ ...s.provider.capabilities, ...s.less })
export const inPlace = (s: Subject) => can(s).restore_modes.includes('in_place')
export const toNew = (s: Subject) => can(s).restore_modes.includes('new')
export const trash = ({ provider }: Subject) => provider.capabilities.deletion === 'trash'
export const keeps = (field: 'note' | 'labels' | 'ttl') => (s: Subject) =>
  s.provider.capabilities.create.includes(field)
export const canUpdate = (field: string) => (s: Subject) =>
  (can(s).update as readonly string[]).includes(field)

/** The system is not ours: it works when nobody watches, and its own words about a snapshot are not ours to keep. */
export const foreign = ({ provider }: Subject) => provider.resume !== undefined
