import type { Answer, Exchange } from '../http.ts'
import { type Fields, integer, oneOf, optional, parameters, type Rule, text } from './fields.ts'
import { SANDBOX_CLASSES, SANDBOX_STATES, type Sandbox, type World } from './model.ts'
import { look } from './progress.ts'
import { refuse } from './refusals.ts'
import { sandboxItemJson } from './wire.ts'

const SORTS = ['name', 'cpu', 'memoryGib', 'diskGib', 'lastActivityAt', 'createdAt'] as const

const anyOf =
  (rule: Rule): Rule =>
  (value, name) =>
    value === undefined
      ? undefined
      : [value]
          .flat()
          .map((one) => rule(one, name))
          .find(Boolean)

const size = optional(integer(1, Number.MAX_SAFE_INTEGER))
const time: Rule = (value, name) =>
  Number.isNaN(Date.parse(String(value))) ? `${name} must be a Date instance` : undefined
const bool = optional(oneOf(['true', 'false']))

const RULES: Record<string, Rule> = {
  ...{ cursor: optional(text), limit: optional(integer(1, 200)) },
  ...{ id: optional(text), name: optional(text), labels: optional(text) },
  ...{ includeErroredDeleted: bool, isPublic: bool, isRecoverable: bool },
  ...{ states: anyOf(oneOf(SANDBOX_STATES)), sandboxClasses: anyOf(oneOf(SANDBOX_CLASSES)) },
  ...{ snapshots: anyOf(text), regionIds: anyOf(text) },
  ...{
    minCpu: size,
    maxCpu: size,
    minMemoryGiB: size,
    maxMemoryGiB: size,
    minDiskGiB: size,
    maxDiskGiB: size,
  },
  ...{ createdAtAfter: optional(time), createdAtBefore: optional(time) },
  ...{ lastEventAfter: optional(time), lastEventBefore: optional(time) },
  ...{ sort: optional(oneOf(SORTS)), order: optional(oneOf(['asc', 'desc'])) },
}
const NUMBERS = ['limit', ...['Cpu', 'MemoryGiB', 'DiskGiB'].flatMap((one) => [`min${one}`, `max${one}`])]

/** Newest first unless asked otherwise; the cursor of the next page is opaque to the client. */
export function listSandboxes(world: World, x: Exchange): Answer {
  const query = parameters<Fields>(x, RULES, NUMBERS)
  look(world, (subject) => world.sandboxes.has(subject))
  const limit = (query.limit as number | undefined) ?? 100
  const sort = (query.sort as (typeof SORTS)[number] | undefined) ?? 'createdAt'
  const direction = query.order === 'asc' ? 1 : -1
  const wanted = matching(query)
  const found = [...world.sandboxes.values()]
    .filter((one) => one.state !== 'destroyed' && wanted(one))
    .sort((a, b) => direction * compare(value(a, sort), value(b, sort)) || compare(a.id, b.id))
  const from = query.cursor === undefined ? 0 : decode(query.cursor as string)
  const items = found.slice(from, from + limit).map((one) => sandboxItemJson(world, one))
  const nextCursor = from + limit < found.length ? encode(from + limit) : null
  return { status: 200, body: { items, nextCursor } }
}

function matching(query: Fields): (sandbox: Sandbox) => boolean {
  const labels = query.labels === undefined ? {} : parseLabels(query.labels as string)
  const starts = (text: string, prefix: unknown) =>
    text.toLowerCase().startsWith(String(prefix ?? '').toLowerCase())
  const among = (list: unknown, one: unknown) =>
    list === undefined || ([list].flat() as unknown[]).includes(one)
  const between = (one: number | null, least: unknown, most: unknown) =>
    (least === undefined || (one !== null && one >= (least as number))) &&
    (most === undefined || (one !== null && one <= (most as number)))
  const is = (one: boolean, asked: unknown) => asked === undefined || String(one) === asked
  const at = (name: string) => (query[name] === undefined ? undefined : Date.parse(query[name] as string))
  return (one) =>
    starts(one.id, query.id) &&
    starts(one.name, query.name) &&
    Object.entries(labels).every(([key, label]) => one.labels[key] === label) &&
    among(query.states, one.state) &&
    among(query.snapshots, one.snapshot) &&
    among(query.regionIds, one.target) &&
    among(query.sandboxClasses, one.sandboxClass) &&
    between(one.cpu, query.minCpu, query.maxCpu) &&
    between(one.memory, query.minMemoryGiB, query.maxMemoryGiB) &&
    between(one.disk, query.minDiskGiB, query.maxDiskGiB) &&
    between(one.createdAt, at('createdAtAfter'), at('createdAtBefore')) &&
    between(one.lastActivityAt, at('lastEventAfter'), at('lastEventBefore')) &&
    is(one.public, query.isPublic) &&
    is(one.recoverable, query.isRecoverable) &&
    (query.includeErroredDeleted === 'true' || one.state !== 'error' || one.desiredState !== 'destroyed')
}

function parseLabels(json: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(json))
  } catch {
    return refuse(400, 'Invalid labels JSON format')
  }
}

function value(sandbox: Sandbox, sort: (typeof SORTS)[number]): string | number {
  if (sort === 'memoryGib') return sandbox.memory
  if (sort === 'diskGib') return sandbox.disk
  return sandbox[sort] ?? 0
}

const compare = (a: string | number, b: string | number) => (a < b ? -1 : a > b ? 1 : 0)

const encode = (from: number) => Buffer.from(JSON.stringify({ from })).toString('base64url')

function decode(cursor: string): number {
  try {
    const { from } = JSON.parse(Buffer.from(cursor, 'base64url').toString())
    if (Number.isInteger(from)) return from
  } catch {
    // Whatever it was, it is none of ours.
  }
  return refuse(400, 'Invalid cursor')
}
