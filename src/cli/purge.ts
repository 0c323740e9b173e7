import { createApp } from '../app.ts'
import type { Config } from '../config.ts'
import { fail, SnapshotError } from '../snapshots/errors.ts'
import type { Snapshot } from '../snapshots/model.ts'
import { plain } from '../snapshots/plain.ts'
import type { Context, Provider } from '../snapshots/provider.ts'
import type { PurgePlan, PurgeResult } from '../snapshots/upkeep.ts'
import { operator, type Terminal, terminalOf } from './terminal.ts'

export interface PurgeOptions {
  /** Also what can still be undone. */
  all: boolean
  /** Nobody is asked. */
  yes: boolean
}

/** What is not listed one by one. */
const SHOWN = 20

/** Deletes for good and frees space: a person's decision, for which no tool exists. 1 when the person says no. */
export async function purge(
  options: PurgeOptions,
  config: Config,
  terminal: Terminal = terminalOf(process),
): Promise<number> {
  if (!terminal.interactive && !options.yes) {
    throw fail(
      'FORBIDDEN',
      'This needs a person at a terminal; nothing was deleted.',
      'Run it in a terminal, or with --yes.',
    )
  }
  const app = createApp(config)
  const { registry, log } = app
  const tell = async (provider: string, plan: PurgePlan) =>
    (await app.audit()).append({
      event: 'purged',
      principal: app.principal,
      provider,
      targets: plan.snapshots.map(({ id }) => id),
      by: operator(),
    })
  const tellEnd = async (provider: string, outcome: string, targets: readonly string[]) =>
    (await app.audit()).append({
      event: 'ended',
      principal: app.principal,
      type: 'purge',
      provider,
      targets,
      outcome,
      by: operator(),
    })
  const ctx = { signal: new AbortController().signal, progress() {}, log, operation: 'op_terminal' }
  let status: number | undefined
  for (const name of registry.names) {
    const provider = await registry.get(name)
    try {
      if (provider.planPurge)
        status = Math.max(status ?? 0, await purgeOne(provider, { ...options, tell, tellEnd }, terminal, ctx))
    } finally {
      await provider.close?.()
    }
  }
  if (status !== undefined) return status
  throw fail('UNSUPPORTED', 'No enabled provider keeps a store of its own.', 'There is nothing to purge.')
}

interface Witness {
  tell(provider: string, plan: PurgePlan): Promise<void>
  tellEnd(provider: string, outcome: string, targets: readonly string[]): Promise<void>
}

async function purgeOne(
  provider: Provider,
  { all, yes, tell, tellEnd }: PurgeOptions & Witness,
  terminal: Terminal,
  ctx: Context,
): Promise<number> {
  const plan = (await provider.planPurge?.({ all }, ctx)) as PurgePlan
  for (const line of describe(plan)) terminal.say(line)
  if (plan.snapshots.length === 0 && plan.expected_bytes === 0) {
    terminal.say('There is nothing to purge.')
    return 0
  }
  if (!yes) {
    const answer = await terminal.ask(`${question(plan)} Type yes: `)
    if (answer.trim().toLowerCase() !== 'yes') {
      terminal.say('Nothing was deleted.')
      return 1
    }
  }
  const told = await isWritten(() => tell(provider.name, plan))
  const result = await provider.purge?.(plan, ctx).catch(async (error) => {
    await isWritten(() => tellEnd(provider.name, 'failed', []))
    throw error
  })
  if (result) for (const line of describeResult(result)) terminal.say(line)
  const isTold = told || (await isWritten(() => tell(provider.name, plan)))
  const deleted = (result?.deleted ?? []).map((id) => `${provider.name}:${id}`)
  if (isTold && (await isWritten(() => tellEnd(provider.name, 'done', deleted)))) return 0
  terminal.say('The disk is too full for the audit log as well: it does not hold all of this purge.')
  return 1
}

/** False when the disk is full: the line must not keep it so, and is written when there is room again. */
async function isWritten(tell: () => Promise<void>): Promise<boolean> {
  try {
    await tell()
    return true
  } catch (error) {
    if (error instanceof SnapshotError && error.code === 'NO_SPACE') return false
    throw error
  }
}

const describeResult = ({ deleted, freed_bytes, used_bytes, left }: PurgeResult): string[] => [
  `Deleted ${counted(deleted.length)}, freed ${size(freed_bytes)}; the store occupies ${size(used_bytes)}.`,
  ...(left === undefined ? [] : [left]),
]

function describe({ snapshots, kept, used_bytes, expected_bytes, problem }: PurgePlan): string[] {
  return [
    `The store occupies ${size(used_bytes)}.`,
    ...(snapshots.length > 0 ? [`In the trash, to be deleted for good: ${counted(snapshots.length)}`] : []),
    ...snapshots.slice(0, SHOWN).map(line),
    ...(snapshots.length > SHOWN ? [`  and ${snapshots.length - SHOWN} more`] : []),
    ...(kept > 0
      ? [`${counted(kept)} in the trash stay: they can still be taken back, or are protected.`]
      : []),
    problem
      ? `No space can be freed: ${problem.message} ${problem.hint}`
      : `To be freed: about ${size(expected_bytes)}.`,
  ]
}

const line = ({ id, name, created_at, source }: Snapshot) =>
  `  ${plain(id)} "${plain(name)}" of ${created_at}, ${plain(source.id)}`

function question({ snapshots }: PurgePlan): string {
  return snapshots.length > 0 ? 'Delete them for good? This CANNOT BE UNDONE.' : 'Free the space?'
}

const counted = (count: number) => `${count} ${count === 1 ? 'snapshot' : 'snapshots'}`

/** As the settings take sizes. */
function size(bytes: number): string {
  const units = ['bytes', 'KB', 'MB', 'GB', 'TB']
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3))
  return `${power === 0 ? bytes : (bytes / 1000 ** power).toFixed(1)} ${units[power]}`
}
