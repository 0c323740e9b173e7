import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import type { Snapshot, Source } from '../../../src/snapshots/model.ts'
import type { Context, CreateRequest, ListQuery, Provider, RestoreRequest, RestoreResult } from '../../../src/snapshots/provider.ts'
import { silent } from '../../snapshots/world.ts'

/** What a check works on: a provider, and ways to touch and see its sources that do not go through it. */
export interface Subject {
  provider: Provider
  source: Source
  /** Another source of the same provider, holding something else. */
  other?: Source
  /** A source that takes long enough to tell progress about. */
  bulky?: Source
  /** For mode `new`: where nothing is yet, and where something is already. */
  vacant?: string
  occupied?: string
  /** Changes `source`, differently each time: adds, changes and removes something. Says what, by path. */
  mutate(): Map<string, 'added' | 'removed' | 'modified'>
  /** Digest of everything a source holds. */
  state(source: Source): string | Promise<string>
  /** What is at one path of a source; undefined when there is nothing. */
  peek(source: Source, path: string): string | undefined
  /** Makes sure that the next snapshot gets a later time. */
  tick(): unknown
  cleanup(): unknown
}

export interface Check {
  name: string
  /** Says whether the provider promises this at all. */
  needs?(subject: Subject): boolean
  run(subject: Subject): Promise<void>
}

let operations = 0

/** Each call is an operation of its own. */
export function context(overrides: Partial<Context> = {}): Context {
  return {
    signal: new AbortController().signal,
    progress() {},
    log: silent,
    operation: `op_conformance${++operations}`,
    ...overrides,
  }
}

export const native = ({ id }: { id: string }) => id.slice(id.indexOf(':') + 1)

/** Captures the source and waits until the snapshot is ready. */
export async function save(s: Subject, fields: Partial<CreateRequest> = {}): Promise<Snapshot> {
  await s.tick()
  const request = {
    source: s.source,
    name: 'a save point',
    labels: {},
    auto: false,
    protected: false,
    ...fields,
  }
  let { snapshot } = await s.provider.create(request, context())
  for (let polls = 0; snapshot.state === 'creating' && polls < 100; polls++) {
    await sleep(20)
    snapshot = await s.provider.get(native(snapshot), context())
  }
  return snapshot
}

export const restoreRequest = (snapshot: Snapshot, fields: Partial<RestoreRequest> = {}): RestoreRequest => ({
  snapshot: native(snapshot),
  mode: 'in_place',
  count: 1,
  ...fields,
})

export async function restore(
  s: Subject,
  snapshot: Snapshot,
  fields: Partial<RestoreRequest> = {},
  overrides: Partial<Context> = {},
): Promise<RestoreResult> {
  const plan = await s.provider.planRestore(restoreRequest(snapshot, fields), context())
  return s.provider.restore(plan, context(overrides))
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
  return { shelf, states: await Promise.all(sources.map((source) => s.state(source))) }
}

export const inPlace = ({ provider }: Subject) => provider.capabilities.restore_modes.includes('in_place')
export const toNew = ({ provider, vacant }: Subject) =>
  provider.capabilities.restore_modes.includes('new') && vacant !== undefined
export const trash = ({ provider }: Subject) => provider.capabilities.deletion === 'trash'
