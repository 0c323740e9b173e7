import { accessSync, readdirSync, readSync, writeSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createLocalProvider } from '../../src/providers/local/index.ts'
import { SnapshotError, toProblem } from '../../src/snapshots/errors.ts'
import type { Context, Provider } from '../../src/snapshots/provider.ts'
import { type Job, MARK, MARKS, RENAMED, type Report } from './operations.ts'

/**
 * Carries out one operation and says how it went: the program that gets killed. It tells its threads, waits for a byte
 * on its input, so that a tracer can attach first, and opens the store only then.
 */
const job = JSON.parse(process.argv[2] as string) as Job
const silent = { debug() {}, info() {}, warn() {}, error() {} }

// Starts the only thread of the pool, so that it is there to be traced.
await stat('/')
say({ threads: readdirSync('/proc/self/task').map(Number) })
readSync(0, Buffer.alloc(1))
mark(MARKS.start)
const report = await attempt()
mark(MARKS.returned)
say(report)
process.exit(0)

async function attempt(): Promise<Report> {
  try {
    const provider = createLocalProvider({
      home: job.home,
      roots: job.roots,
      trashWindowMs: 3_600_000,
      specialModes: 'keep',
      clock: Date.now,
      log: silent,
    })
    const warnings = await perform(provider)
    await provider.close?.()
    return { ok: true, warnings }
  } catch (error) {
    const { code, message, outcome } = toProblem(error)
    const typed = error instanceof SnapshotError
    return { ok: false, code, message, outcome, typed, ...(!typed && { raw: String(error) }) }
  }
}

async function perform(provider: Provider): Promise<string[]> {
  const ctx: Context = {
    signal: new AbortController().signal,
    progress() {},
    log: silent,
    operation: 'op_crash',
    record: async () => mark(MARKS.recorded),
  }
  const id = job.snapshot
  switch (job.operation) {
    case 'first':
    case 'create': {
      const source = await provider.resolveSource(job.root, ctx)
      await provider.create({ source, name: 'new', labels: {}, auto: false, protected: false }, ctx)
      return []
    }
    case 'restore':
    case 'copy': {
      const where =
        job.operation === 'copy' ? { mode: 'new' as const, to: job.to } : { mode: 'in_place' as const }
      const plan = await provider.planRestore({ snapshot: id, count: 1, ...where }, ctx)
      return (await provider.restore(plan, ctx)).warnings
    }
    case 'delete': {
      const { failed } = await provider.delete(await provider.planDelete([id], ctx), ctx)
      const [first] = failed
      if (first) throw refused(first)
      return []
    }
    case 'undelete':
      await provider.undelete?.([id], ctx)
      return []
    case 'update':
      await provider.update?.(id, { name: RENAMED }, ctx)
      return []
    case 'purge':
      return purge(provider, ctx)
  }
}

async function purge(provider: Provider, ctx: Context): Promise<string[]> {
  const plan = await provider.planPurge?.({ all: true }, ctx)
  const left = plan && (await provider.purge?.(plan, ctx))?.left
  return left === undefined ? [] : [left]
}

/** A failure that came inside a result, as the service shows it. */
function refused({ code, message }: { code: string; message: string }) {
  const problem = { code, message, hint: '', retryable: false, outcome: 'unknown' }
  return new SnapshotError(problem as ConstructorParameters<typeof SnapshotError>[0])
}

function mark(name: string): void {
  try {
    accessSync(MARK + name)
  } catch {
    // It is never there; what counts is that the trace shows the question.
  }
}

function say(line: unknown): void {
  writeSync(1, `${JSON.stringify(line)}\n`)
}
