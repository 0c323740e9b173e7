import { availableParallelism } from 'node:os'
import { MessageChannel, Worker } from 'node:worker_threads'
import { type CheckTask, createCheck, SAME } from './check-range.ts'
import { tickAt } from './live.ts'
import type { ByteString } from './names.ts'
import type { Pause } from './pause.ts'
import type { Roster } from './roster.ts'
import { type Columns, FLAG } from './roster-layout.ts'

/** Which entries of a roster a scan has to look at; everything else is as the roster has it. */
export interface Suspects {
  /** The entry itself. Of a directory: its own metadata and the names in it. */
  entry(at: number): boolean
  /** The entry or anything below it. */
  within(at: number): boolean
}

export const EVERYTHING: Suspects = { entry: () => true, within: () => true }

/** From here on threads are worth their start. */
const PARALLEL_FROM = 4000
const MAX_HELPERS = 3

/** Compares every entry of a roster with the directory as it is now: one stat each, on all processors. */
export async function findSuspects(
  roster: Roster,
  path: ByteString,
  pause: Pause,
  helpers = MAX_HELPERS,
): Promise<Suspects> {
  const { columns } = roster
  const task: CheckTask = {
    roster: roster.bytes,
    path,
    verdicts: new Uint8Array(new SharedArrayBuffer(columns.count)),
    cursor: new Int32Array(new SharedArrayBuffer(4)),
  }
  const helped = columns.count < PARALLEL_FROM ? [] : threads(helpers).map((help) => help(task))
  try {
    const checkBatch = createCheck(task)
    while (checkBatch()) if (pause.due()) await pause.take()
    await Promise.all(helped)
  } finally {
    // Where this was cancelled, the helpers stop too.
    Atomics.store(task.cursor, 0, columns.count)
  }
  return suspectsOf(columns, (at) => task.verdicts[at] !== SAME)
}

/** Suspects by any rule: what `within` needs is found in one pass. */
export function suspectsOf(
  { count, span }: Pick<Columns, 'count' | 'span'>,
  isSuspect: (at: number) => boolean,
): Suspects {
  const found: number[] = []
  for (let at = 0; at < count; at++) if (isSuspect(at)) found.push(at)
  const all = new Set(found)
  return {
    entry: (at) => all.has(at),
    within: (at) => firstFrom(found, at) < at + (span[at] as number),
  }
}

/** Entries that may have changed without a trace since they were read: see Stat.settled. */
export function unsettled(columns: Columns): Suspects {
  return suspectsOf(columns, (at) => ((columns.flags[at] as number) & (FLAG.settled | FLAG.excluded)) === 0)
}

/** How long, in milliseconds, until a change of the unsettled files and links is sure to leave a trace; 0: it is by now. */
export function unrest({ count, flags, ctime }: Columns): number {
  let tick = 0n
  for (let at = 0; at < count; at++) {
    const flag = flags[at] as number
    const kind = flag & FLAG.kind
    // What is in a directory is asked about by itself.
    if ((flag & FLAG.settled) !== 0 || kind === FLAG.directory || kind === FLAG.skipped) continue
    const needed = tickAt(ctime[at] as bigint)
    if (needed > tick) tick = needed
  }
  return Number(tick / 1_000_000n)
}

/** Everything that a check suspects, and what was hashed but never stored. Of a directory that is its tree, not its names. */
export function withUnsaved(suspects: Suspects, { count, span, flags }: Columns): Suspects {
  const isUnsaved = (at: number) => ((flags[at] as number) & FLAG.unsaved) !== 0
  const isDirectory = (at: number) => ((flags[at] as number) & FLAG.kind) === FLAG.directory
  const unsaved = suspectsOf({ count, span }, isUnsaved)
  return {
    entry: (at) => suspects.entry(at) || (isUnsaved(at) && !isDirectory(at)),
    within: (at) => suspects.within(at) || unsaved.within(at),
  }
}

/** The smallest of some rising numbers that is not below `from`; Infinity when there is none. */
function firstFrom(rising: readonly number[], from: number): number {
  let low = 0
  let high = rising.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((rising[middle] as number) < from) low = middle + 1
    else high = middle
  }
  return rising[low] ?? Number.POSITIVE_INFINITY
}

type Help = (task: CheckTask) => Promise<void>
let started: Help[] | undefined

/** To be called once a roster is kept: its next check will then find the threads up and running. */
export function expectCheck({ count }: Pick<Columns, 'count'>): void {
  if (count >= PARALLEL_FROM) threads(MAX_HELPERS)
}

/** Started when they are first expected, and kept. Where a thread cannot be had, the others do its work. */
function threads(limit: number): Help[] {
  started ??= Array.from({ length: Math.min(MAX_HELPERS, availableParallelism() - 1) }, startThread)
  return started.slice(0, limit)
}

function startThread(): Help {
  const here = import.meta.url
  const isSource = here.endsWith('.ts')
  let worker: Worker | undefined
  const lost = () => {
    worker = undefined
  }
  try {
    worker = new Worker(new URL(isSource ? './check-worker.ts' : './check-worker.mjs', here), {
      ...(isSource && { execArgv: ['--import', 'tsx'] }),
      stdout: true,
    })
    worker.on('error', lost).on('exit', lost).unref()
  } catch {
    lost()
  }
  return (task) =>
    new Promise((resolve) => {
      if (!worker) return resolve()
      const { port1: done, port2: port } = new MessageChannel()
      // Closed by the thread when it is through, and by its end when it dies.
      done.once('close', resolve).ref()
      worker.postMessage({ task, port }, [port])
    })
}
