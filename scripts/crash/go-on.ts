import { appendFileSync, readdirSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import type { Snapshot } from '../../src/snapshots/model.ts'
import type { Provider } from '../../src/snapshots/provider.ts'
import { differences, type Picture, picture } from '../../test/support/oracle.ts'
import { all, context, native, purge, restore, type Say, save, takeUp, trash } from './calls.ts'
import type { Aftermath, Findings } from './check.ts'
import { compareCopy, sample } from './compare.ts'
import type { Lane } from './lane.ts'

const DAYS = 24 * 3600 * 1000

/** Whatever was broken off, the next calls are carried out. */
export async function goOn(
  lane: Lane,
  provider: Provider,
  { operation }: Aftermath,
  say: Say,
): Promise<void> {
  const next = await save(provider, lane.root, 'next')
  const item = (await all(provider)).find((other) => native(other) === next) as Snapshot
  for (const line of await compareCopy(lane.out, provider, item, picture(lane.root)))
    say(`the next snapshot: ${line}`)
  await trash(provider, next)
  await provider.undelete?.([next], context())
  if (operation === 'first') return
  appendFileSync(join(lane.other, 'kept.txt'), 'more\n')
  await restoreAndCompare(lane, provider, 'other', lane.other, say)
  if (operation === 'restore') await restoreAndCompare(lane, provider, 'second', lane.root, say)
}

async function restoreAndCompare(
  lane: Lane,
  provider: Provider,
  which: keyof Lane['ids'],
  root: string,
  say: Say,
): Promise<void> {
  const snapshot = lane.ids[which]
  await restore(provider, snapshot)
  const lines = differences(lane.pictures.get(snapshot) as Picture, picture(root))
  if (lines.length > 0) say(`the next restore: ${sample(lines)}`)
}

/** Frees what can be freed, and has everything read back. */
export async function cleanUp(lane: Lane, provider: Provider, { litter }: Findings, say: Say): Promise<void> {
  age(lane)
  await purge(provider)
  const verified = await provider.verify?.({}, context())
  for (const { name } of verified?.affected ?? []) say(`verify finds "${name}" damaged`)
  // What no snapshot needs was never promised.
  if (verified?.affected.length === 0)
    for (const { what } of verified.damaged) litter.push(`verify calls it damaged: ${what}`)
}

/** Drafts are cleared away when they are so old that nobody can be writing them. */
function age(lane: Lane): void {
  const then = new Date(Date.now() - 2 * DAYS)
  for (const path of storeFiles(lane))
    if (path.endsWith('.tmp')) utimesSync(join(lane.home, 'store', path), then, then)
}

function storeFiles({ home }: Lane): string[] {
  return readdirSync(join(home, 'store'), { recursive: true, encoding: 'utf8' })
}

/** Two days later nothing of it is left in the store. */
export async function settle(lane: Lane, { litter }: Findings, say: Say): Promise<void> {
  const provider = lane.open(() => Date.now() + 2 * DAYS)
  await takeUp(provider, say)
  await all(provider)
  await provider.close?.()
  const files = storeFiles(lane)
  const isThere = new Set(files)
  for (const file of files) {
    const lonely = file.endsWith('.pack') && !isThere.has(file.replace(/pack$/, 'idx'))
    const busy = /^(journal|leases)\/./.test(file)
    if (lonely || busy || file.endsWith('.tmp'))
      litter.push(`store/${file.replaceAll(/[0-9a-f]{16,}/g, '*')}`)
  }
}

/** Temporary files of a restore in a source or beside it. */
export function litterIn(at: string): string[] {
  return readdirSync(at, { recursive: true, encoding: 'latin1' })
    .filter((path) => /(^|\/)\.snapshot-mcp-[^/]*$/.test(path))
    .map((path) => path.replaceAll(/[0-9a-f]{12,}/g, '*'))
}
