import { appendFileSync, existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { SnapshotError } from '../../src/snapshots/errors.ts'
import type { Snapshot } from '../../src/snapshots/model.ts'
import type { Provider, RecoveryHands } from '../../src/snapshots/provider.ts'
import { differences, type Picture, picture } from '../../test/support/oracle.ts'
import { context, erase, type Lane, native, save, trash } from './lane.ts'
import { type Operation, RENAMED, type Report } from './operations.ts'

/** What is known of an operation that was broken off. */
export interface Aftermath {
  operation: Operation
  /** What it answered; undefined when it did not live to answer. */
  report: Report | undefined
  /** It had said that its safety snapshot is durable. */
  recorded?: boolean
}

export interface Findings {
  /** Broken promises, one line each. */
  violations: string[]
  /** Files left in a source or beside it, which nothing removes. */
  litter: string[]
}

const DAYS = 24 * 3600 * 1000

/**
 * Opens the store as the next process would and holds it to everything it promised. Uses the store for further
 * operations, so the lane has to be reset afterwards.
 */
export async function check(lane: Lane, aftermath: Aftermath): Promise<Findings> {
  const found: Findings = { violations: [], litter: [] }
  const say = (line: string) => void found.violations.push(line)
  if (aftermath.report) answered(aftermath.report, say)
  let provider: Provider | undefined
  try {
    provider = lane.open()
    await provider.recover?.(hands(say), context())
    await examine(lane, provider, aftermath, say)
    for (const at of [lane.root, lane.other, lane.out]) found.litter.push(...litterIn(at))
    await goOn(lane, provider, aftermath, say)
    await purge(provider)
    const verified = await provider.verify?.({}, context())
    for (const { name } of verified?.affected ?? []) say(`verify finds "${name}" damaged`)
    // What no snapshot needs was never promised.
    if (verified?.affected.length === 0)
      for (const { what } of verified.damaged) found.litter.push(`verify calls it damaged: ${what}`)
    await provider.close?.()
    await settle(lane, found)
  } catch (error) {
    say(`the next start fails: ${explain(error)}`)
  }
  return found
}

/** What the service does for a provider that takes up what was interrupted: nobody else is at work here. */
function hands(say: (line: string) => void): RecoveryHands {
  return {
    hold: async () => ({ release: async () => {} }),
    settle: async ({ outcome, message }) => {
      if (outcome === 'left') say(`left half done by the recovery: ${message}`)
    },
  }
}

/** An error has to be one of ours, in words that tell no system's. */
function answered(report: Report, say: (line: string) => void): void {
  if (report.ok) return
  if (!report.typed) say(`the error is not typed: ${report.raw ?? report.message}`)
  else if (/\bE[A-Z]{2,}\b|did not foresee/.test(report.message)) say(`the error is raw: ${report.message}`)
}

async function examine(
  lane: Lane,
  provider: Provider,
  { operation, report, recorded }: Aftermath,
  say: (line: string) => void,
): Promise<void> {
  const items = await all(provider)
  const target = lane.job(operation).snapshot
  const done = report?.ok ?? false
  /** It says itself that nothing was changed. */
  const refused = report?.ok === false && report.outcome === 'not_started'
  const either = (is: boolean, what: string) => {
    if (done && !is) say(`it was answered that ${what}, which is not so`)
    if (refused && is) say(`it was answered that nothing was changed, but ${what}`)
  }

  const added = items.filter((item) => !lane.pictures.has(native(item)))
  const captures = operation === 'first' || operation === 'create' || operation === 'restore'
  if (added.length > (captures ? 1 : 0)) say(`there are ${added.length} snapshots that nobody asked for`)
  if (new Set(items.map(native)).size < items.length) say('a snapshot is listed twice')
  if (operation === 'first' || operation === 'create') either(added.length === 1, 'the snapshot exists')
  for (const [id] of lane.pictures) {
    const item = items.find((other) => native(other) === id)
    const isTarget = id === target
    if (!item) {
      if (!(isTarget && operation === 'purge')) say(`a committed snapshot is gone: ${id}`)
      continue
    }
    const trashed = item.state === 'trashed'
    const was = id === lane.ids.trashed
    if (isTarget && operation === 'delete') either(trashed, 'the snapshot is in the trash')
    else if (isTarget && operation === 'undelete') either(!trashed, 'the snapshot is out of the trash')
    else if (trashed !== was) say(`a snapshot is ${item.state} that nobody touched`)
    const name = nameOf(lane, id)
    if (isTarget && operation === 'update') either(item.name === RENAMED, 'the name is changed')
    if (item.name !== name && !(isTarget && operation === 'update' && item.name === RENAMED))
      say(`the details of "${name}" are lost: it is called "${item.name}"`)
  }
  if (operation === 'purge') either(!items.some((item) => native(item) === target), 'the snapshot is purged')

  for (const item of items) {
    const expected = lane.pictures.get(native(item)) ?? lane.before
    for (const line of await compareCopy(lane, provider, item, expected)) say(`"${item.name}": ${line}`)
  }
  await source(lane, operation, either, say)
  const saved = added.length === 1
  if (
    operation === 'restore' &&
    !saved &&
    (recorded || differences(lane.before, picture(lane.root)).length > 0)
  )
    say('the source was changed, and there is no safety snapshot of it')
}

/** The source is as it was or as it was to be; so is a copy. */
async function source(
  lane: Lane,
  operation: Operation,
  either: (is: boolean, what: string) => void,
  say: (line: string) => void,
): Promise<void> {
  const now = picture(lane.root)
  const old = differences(lane.before, now)
  if (operation !== 'restore') {
    for (const line of old.slice(0, 3)) say(`the source was changed: ${line}`)
  } else {
    const whole = differences(lane.pictures.get(lane.ids.first) as Picture, now)
    if (old.length > 0 && whole.length > 0)
      say(`the source is neither old (${sample(old)}) nor new (${sample(whole)})`)
    either(whole.length === 0, 'the source is restored')
  }
  if (operation !== 'copy') return
  const copy = lane.job(operation).to
  either(existsSync(copy), 'the copy is there')
  if (!existsSync(copy)) return
  const lines = differences(lane.pictures.get(lane.ids.first) as Picture, picture(copy))
  if (lines.length > 0) say(`the copy is not whole: ${sample(lines)}`)
}

/** Whatever was broken off, the next calls are carried out. */
async function goOn(
  lane: Lane,
  provider: Provider,
  { operation }: Aftermath,
  say: (line: string) => void,
): Promise<void> {
  const next = await save(provider, lane.root, 'next')
  const item = (await all(provider)).find((other) => native(other) === next) as Snapshot
  for (const line of await compareCopy(lane, provider, item, picture(lane.root)))
    say(`the next snapshot: ${line}`)
  await trash(provider, next)
  await provider.undelete?.([next], context())
  if (operation === 'first') return
  appendFileSync(join(lane.other, 'kept.txt'), 'more\n')
  await restoreAndCompare(lane, provider, 'other', lane.other, say)
  if (operation === 'restore') await restoreAndCompare(lane, provider, 'second', lane.root, say)
}

/** Everything that nobody needs may go at any time. */
async function purge(provider: Provider): Promise<void> {
  const plan = await provider.planPurge?.({ all: true }, context())
  if (plan) await provider.purge?.(plan, context())
}

async function restoreAndCompare(
  lane: Lane,
  provider: Provider,
  which: keyof Lane['ids'],
  root: string,
  say: (line: string) => void,
): Promise<void> {
  const snapshot = lane.ids[which]
  const plan = await provider.planRestore({ snapshot, mode: 'in_place', count: 1 }, context())
  await provider.restore(plan, context())
  const lines = differences(lane.pictures.get(snapshot) as Picture, picture(root))
  if (lines.length > 0) say(`the next restore: ${sample(lines)}`)
}

/** Two days later nothing of it is left in the store. */
async function settle(lane: Lane, { litter }: Findings): Promise<void> {
  const provider = lane.open(() => Date.now() + 2 * DAYS)
  await all(provider)
  await provider.close?.()
  const store = join(lane.home, 'store')
  const files = readdirSync(store, { recursive: true, encoding: 'utf8' })
  const isThere = new Set(files)
  for (const file of files) {
    const lonely = file.endsWith('.pack') && !isThere.has(file.replace(/pack$/, 'idx'))
    if (lonely || file.endsWith('.tmp')) litter.push(`store/${file.replaceAll(/[0-9a-f]{16,}/g, '*')}`)
  }
}

/** Restores a snapshot beside the sources and compares every byte. One in the trash is taken out for it. */
async function compareCopy(
  lane: Lane,
  provider: Provider,
  item: Snapshot,
  expected: Picture,
): Promise<string[]> {
  const to = join(lane.out, `check-${native(item)}`)
  try {
    if (item.state === 'trashed') await provider.undelete?.([native(item)], context())
    const plan = await provider.planRestore({ snapshot: native(item), mode: 'new', to, count: 1 }, context())
    await provider.restore(plan, context())
    return differences(expected, picture(to)).slice(0, 3)
  } catch (error) {
    return [`cannot be restored: ${explain(error)}`]
  } finally {
    erase(to)
  }
}

async function all(provider: Provider): Promise<Snapshot[]> {
  const query = { include_auto: true, include_trashed: true, limit: 100 }
  return (await provider.list(query, context())).items
}

function nameOf({ ids }: Lane, id: string): string {
  return Object.entries(ids).find(([, other]) => other === id)?.[0] ?? ''
}

function litterIn(at: string): string[] {
  return readdirSync(at, { recursive: true, encoding: 'latin1' })
    .filter((path) => /(^|\/)\.snapshot-mcp-[^/]*$/.test(path))
    .map((path) => path.replaceAll(/[0-9a-f]{12,}/g, '*'))
}

function sample(lines: string[]): string {
  // A time that is off mostly follows from something else.
  const [first] = [...lines].sort((a, b) => Number(a.includes(': mtime ')) - Number(b.includes(': mtime ')))
  return `${first}${lines.length > 1 ? `; and ${lines.length - 1} more` : ''}`
}

function explain(error: unknown): string {
  return error instanceof SnapshotError ? `${error.code}: ${error.message}` : String(error)
}
