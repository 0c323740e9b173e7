import { randomInt } from 'node:crypto'
import { ask, type Way } from './wire.ts'

/** What belongs to somebody, by what it is. */
export interface Belongings {
  snapshot: string
  /** Of a restore of theirs, undoable. */
  operation: string
  /** Not used yet. */
  confirmation: string
  cursor: string
  sourcesCursor: string
  source: string
  idempotencyKey: string
}
export type Kind = keyof Belongings

/** One call, with one thing in it that is said to belong to somebody. `own` is the caller's. */
export interface Case {
  title: string
  kind: Kind
  method: string
  params(id: string, own: Belongings): object
}

const tool = (
  title: string,
  kind: Kind,
  name: string,
  args: (id: string, own: Belongings) => object,
): Case => ({
  title: `${name} ${title}`,
  kind,
  method: 'tools/call',
  params: (id, own) => ({ name, arguments: args(id, own) }),
})

const nativeOf = (id: string) => id.slice(id.indexOf(':') + 1)
const uriOf = (id: string) => `snapshot://local/${nativeOf(id)}`
const beginningOf = (id: string) => id.slice(0, -4)

/** Every argument of every tool that takes an id of any kind, and what else takes one. */
export const CASES: Case[] = [
  tool('source', 'source', 'snapshot_create', (source) => ({ source })),
  tool('confirmation', 'confirmation', 'snapshot_create', (confirmation, { source }) => ({
    source,
    confirmation,
  })),
  tool('idempotency_key', 'idempotencyKey', 'snapshot_create', (idempotency_key, { source }) => ({
    source,
    idempotency_key,
    name: 'made with a key',
  })),
  tool('source', 'source', 'snapshot_list', (source) => ({ source })),
  tool('cursor', 'cursor', 'snapshot_list', (cursor) => ({ limit: 1, include_auto: true, cursor })),
  tool('name', 'snapshot', 'snapshot_list', (name) => ({ name })),
  tool('snapshot', 'snapshot', 'snapshot_get', (snapshot) => ({ snapshot })),
  tool('pending snapshot', 'operation', 'snapshot_get', (op) => ({
    snapshot: `local:${op}`,
    wait_seconds: 1,
  })),
  tool('from', 'snapshot', 'snapshot_diff', (from) => ({ from })),
  tool('to', 'snapshot', 'snapshot_diff', (to, own) => ({ from: own.snapshot, to })),
  tool('cursor', 'cursor', 'snapshot_diff', (cursor, own) => ({ from: own.snapshot, cursor })),
  tool('snapshot', 'snapshot', 'snapshot_restore', (snapshot) => ({ snapshot })),
  tool('snapshot, dry run', 'snapshot', 'snapshot_restore', (snapshot) => ({ snapshot, dry_run: true })),
  tool('snapshot, as a copy', 'snapshot', 'snapshot_restore', (snapshot, own) => ({
    snapshot,
    mode: 'new',
    to: `${own.source.slice(5)}/copy`,
  })),
  tool('to', 'source', 'snapshot_restore', (source, own) => ({
    snapshot: own.snapshot,
    mode: 'new',
    to: `${source.slice(5)}/copy`,
  })),
  tool('confirmation', 'confirmation', 'snapshot_restore', (confirmation, own) => ({
    snapshot: own.snapshot,
    confirmation,
  })),
  tool('pending snapshot', 'operation', 'snapshot_restore', (op) => ({ snapshot: `local:${op}` })),
  tool('snapshots', 'snapshot', 'snapshot_delete', (id) => ({ snapshots: [id] })),
  tool('snapshots beside an own one', 'snapshot', 'snapshot_delete', (id, own) => ({
    snapshots: [own.snapshot, id],
  })),
  tool('snapshots, dry run', 'snapshot', 'snapshot_delete', (id) => ({ snapshots: [id], dry_run: true })),
  tool('confirmation', 'confirmation', 'snapshot_delete', (confirmation, own) => ({
    snapshots: [own.snapshot],
    confirmation,
  })),
  tool('operation', 'operation', 'snapshot_undo', (operation) => ({ operation })),
  tool('operation, dry run', 'operation', 'snapshot_undo', (operation) => ({ operation, dry_run: true })),
  tool('confirmation', 'confirmation', 'snapshot_undo', (confirmation, own) => ({
    operation: own.operation,
    confirmation,
  })),
  tool('snapshot', 'snapshot', 'snapshot_update', (snapshot) => ({ snapshot, note: 'taken over' })),
  tool('snapshot to protect', 'snapshot', 'snapshot_update', (snapshot) => ({ snapshot, protected: true })),
  tool('source', 'source', 'snapshot_prune', (source) => ({ source, keep_last: 1 })),
  tool('source, for real', 'source', 'snapshot_prune', (source) => ({
    source,
    keep_last: 1,
    dry_run: false,
  })),
  tool('confirmation', 'confirmation', 'snapshot_prune', (confirmation) => ({
    keep_last: 1,
    dry_run: false,
    confirmation,
  })),
  tool('query', 'source', 'snapshot_sources', (source) => ({ query: source.slice(5) })),
  tool('cursor', 'sourcesCursor', 'snapshot_sources', (cursor) => ({ limit: 1, cursor })),
  { title: 'a resource', kind: 'snapshot', method: 'resources/read', params: (id) => ({ uri: uriOf(id) }) },
  {
    title: 'a pending resource',
    kind: 'operation',
    method: 'resources/read',
    params: (op) => ({ uri: `snapshot://local/${op}` }),
  },
  {
    title: 'the completion of a resource',
    kind: 'snapshot',
    method: 'completion/complete',
    params: (id) =>
      completion(
        { type: 'ref/resource', uri: 'snapshot://{provider}/{id}' },
        'id',
        beginningOf(nativeOf(id)),
      ),
  },
  {
    title: 'the completion of a prompt',
    kind: 'snapshot',
    method: 'completion/complete',
    params: (id) => completion({ type: 'ref/prompt', name: 'roll-back' }, 'snapshot', beginningOf(id)),
  },
  {
    title: 'a prompt',
    kind: 'snapshot',
    method: 'prompts/get',
    params: (id) => ({ name: 'roll-back', arguments: { snapshot: id } }),
  },
]

const completion = (ref: object, name: string, value: string) => ({ ref, argument: { name, value } })

/** Looks the same and belongs to nobody: other digits and letters in the last part. A cursor leads to other ids. */
export function strange(kind: Kind, id: string): string {
  if (kind === 'cursor' || kind === 'sourcesCursor') return strangeCursor(id)
  const at = Math.max(id.lastIndexOf(':'), id.lastIndexOf('_'), id.lastIndexOf('/')) + 1
  return id.slice(0, at) + id.slice(at).replace(/[0-9a-f]/g, () => randomInt(16).toString(16))
}

function strangeCursor(text: string): string {
  const inside = Buffer.from(text, 'base64url').toString('utf8')
  if (!inside.startsWith('{') && !inside.startsWith('[')) return text
  const other = JSON.stringify(JSON.parse(inside), (key, value) => {
    if (typeof value !== 'string' || key === 'filters') return value
    return /^[0-9a-f]{16,}$/.test(value)
      ? strange('snapshot', `local:${value}`).slice(6)
      : strangeCursor(value)
  })
  return Buffer.from(other).toString('base64url')
}

/** All that a call is answered, without what no two answers have in common. `id` is what was asked about. */
export async function answerTo(
  way: Way,
  { method, params }: Case,
  id: string,
  own: Belongings,
): Promise<string> {
  const { status, headers, answer } = await ask(way, method, params(id, own))
  const kept = [...headers].filter(([name]) => !['date', 'x-request-id', 'content-length'].includes(name))
  const text = JSON.stringify({ status, headers: kept, answer })
  const names = [id, nativeOf(id), beginningOf(id), beginningOf(nativeOf(id))].flatMap((name) => [
    encodeURIComponent(name),
    name,
  ])
  return names
    .reduce((masked, name) => masked.replaceAll(name, 'WHAT WAS ASKED ABOUT'), text)
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replace(/\b(?:op|cfm)_[\w-]+/g, 'NEW')
    .replace(/"duration_ms":\d+/g, '')
    .replace(/local:[0-9a-f]{12,}/g, (found) => (found === own.snapshot ? 'OWN' : 'NEW'))
    .replace(/\b[0-9a-f]{12,}\b/g, 'NEW')
}
