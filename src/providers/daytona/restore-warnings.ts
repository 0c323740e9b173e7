import { plain, quotedName } from '../../snapshots/plain.ts'
import { hasStopped } from './copies.ts'
import type { SandboxRecord } from './schemas.ts'

/** Said in the plan and in the result: a fork is no restore. */
export const FORKED = 'This forks the sandbox as it is now, not as it was when the snapshot was taken.'

/** What is to be known of the sandboxes that a restore has made. */
export function restoreWarnings(made: readonly SandboxRecord[]): string[] {
  const running = made.filter((each) => !hasStopped(each))
  const stopped = made.filter(hasStopped).map(({ id, name, state }) => {
    return `The sandbox ${quotedName(name || id)} was started, and is ${plain(state ?? 'unknown', 30)} now.`
  })
  return running[0] ? [...stopped, billed(running[0], running.length)] : stopped
}

/** They all have the same settings. */
function billed({ autoStopInterval: minutes }: SandboxRecord, count: number): string {
  const what =
    count === 1
      ? 'The new sandbox runs and is billed until it is stopped.'
      : `The ${count} new sandboxes run and are billed until they are stopped.`
  const it = count === 1 ? 'it' : 'each'
  if (minutes === 0) return `${what} Daytona never stops ${it} by itself.`
  const when = typeof minutes === 'number' ? `${minutes} min` : 'the default time'
  return `${what} Daytona stops ${it} after ${when} without use.`
}
