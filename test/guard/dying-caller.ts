/**
 * Makes one call and kills itself at the given moment of it, right before or right after a step that it takes outside of
 * its own memory: a call of the state store, of the audit log or of the provider, one back from it, or, in a
 * restore, a move on the disk. Prints each moment as it comes, so that whoever looks at what is left knows how far it was.
 */
import fs, { writeSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import type { Policy } from '../../src/guard/policy.ts'
import type { Lock } from '../../src/state/state-store.ts'
import { assemble, call, type Destructive } from './assembled.ts'

export interface Dying {
  dir: string
  /** Milliseconds; the clock stands still. */
  now: number
  policy: Partial<Policy>
  operation: Destructive
  args: object
  /** From 1. */
  moment: number
}

const { dir, now, policy, operation, args, moment } = JSON.parse(process.argv[2] as string) as Dying
let moments = 0
/** Steps that were begun and have not ended. */
let under = 0

function pass(what: string, isMoment = true): void {
  writeSync(1, `${what}\n`)
  if (isMoment && ++moments === moment) process.kill(process.pid, 'SIGKILL')
}

async function step<T>(what: string, work: () => Promise<T>): Promise<T> {
  // Between two steps nothing happens on the disk, so before one is after the last one, and counts once.
  pass(`before ${what}`, under++ > 0 || moments === 0)
  const result = await work()
  under--
  pass(`after ${what}`)
  return result
}

type Method = (...args: unknown[]) => Promise<unknown>

/** The same part, each of whose methods is a step. `about` completes its name. */
function stepwise<T extends object>(
  part: string,
  object: T,
  about: (...args: unknown[]) => unknown = () => '',
): T {
  const members = Object.entries(object).map(([name, member]) => {
    if (typeof member !== 'function') return [name, member]
    const method: Method = (...given) =>
      step(`${part}.${name} ${about(...given)}`.trim(), () => (member as Method)(...given))
    return [name, method]
  })
  return Object.fromEntries(members)
}

/** From now on each rename is a moment: that is when the directory is neither as it was nor as it is to be. */
function watchMoves(): void {
  const move = fs.renameSync
  fs.renameSync = (...fromTo) => {
    move(...fromTo)
    pass('after a move')
  }
  syncBuiltinESMExports()
}

const server = assemble(dir, {
  clock: () => now,
  policy,
  state: (state) => ({
    ...stepwise('state', state, (kind) => kind),
    lock: (name, how) => step('state.lock', async () => stepwise<Lock>('lock', await state.lock(name, how))),
    // Housekeeping, after the outcome is told.
    retire: state.retire,
  }),
  audit: (audit) => stepwise('audit', audit, (event) => (event as { event: string }).event),
  provider: (provider) => ({
    ...stepwise('provider', provider),
    restore: (plan, ctx) =>
      step('provider.restore', () => {
        const record = (facts: { safety_snapshot: string }) => step('record', async () => ctx.record?.(facts))
        return provider.restore(plan, { ...ctx, record: (facts) => record(facts).then(watchMoves) })
      }),
  }),
})

await call(server, operation, args)
process.exit()
