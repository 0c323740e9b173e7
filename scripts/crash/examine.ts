import { existsSync } from 'node:fs'
import type { Snapshot } from '../../src/snapshots/model.ts'
import type { Provider } from '../../src/snapshots/provider.ts'
import { differences, type Picture, picture } from '../../test/support/oracle.ts'
import { all, native, restore, type Say } from './calls.ts'
import type { Aftermath } from './check.ts'
import { compareCopy, sample } from './compare.ts'
import type { Lane } from './lane.ts'
import { type Operation, RENAMED } from './operations.ts'

/** Holds a store and its source to what was promised before the operation, and to what the operation said. */
export async function examine(
  lane: Lane,
  provider: Provider,
  { operation, report, recorded }: Aftermath,
  say: Say,
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
    for (const line of await compareCopy(lane.out, provider, item, expected)) say(`"${item.name}": ${line}`)
  }
  const stopped = report?.ok === false && report.outcome === 'partial'
  if (operation === 'restore' && stopped) await undo(lane, provider, added[0], say)
  else await source(lane, operation, either, say)
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
  say: Say,
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

/** A restore that says it stopped half way can be taken back. */
async function undo(lane: Lane, provider: Provider, safety: Snapshot | undefined, say: Say): Promise<void> {
  if (!safety) {
    say('it was answered that the restore stopped half way, and there is no safety snapshot')
    return
  }
  await restore(provider, native(safety))
  const lines = differences(lane.before, picture(lane.root))
  if (lines.length > 0) say(`after the undo of what stopped half way: ${sample(lines)}`)
}

function nameOf({ ids }: Lane, id: string): string {
  return Object.entries(ids).find(([, other]) => other === id)?.[0] ?? ''
}
