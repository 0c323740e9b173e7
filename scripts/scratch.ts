import { execFileSync } from 'node:child_process'
import { mkdtempSync, realpathSync } from 'node:fs'
import { join } from 'node:path'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
const INTERRUPTED = 130

/**
 * Runs `work` with a fresh directory below `parent` that is gone afterwards, however it ends. When the process is
 * asked to stop, `signal` fires: `work` then has to end what it started and may throw anything. The exit status of
 * an interrupted run is 130.
 */
export async function withScratch(
  parent: string,
  work: (dir: string, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const dir = realpathSync(mkdtempSync(join(parent, 'snapshot-mcp-')))
  const stop = new AbortController()
  const interrupt = () => stop.abort()
  for (const name of SIGNALS) process.on(name, interrupt)
  try {
    await work(dir, stop.signal)
  } catch (error) {
    // A Ctrl-C goes to every program in the terminal: the failure of one may be here before the signal is.
    await new Promise(setImmediate)
    if (!stop.signal.aborted) throw error
  } finally {
    remove(dir)
    for (const name of SIGNALS) process.off(name, interrupt)
    if (stop.signal.aborted) process.exitCode = INTERRUPTED
  }
}

/** rm is several times as quick as Node's own on a large tree, and does not mind who writes into it meanwhile. */
export const remove = (path: string) => void execFileSync('rm', ['-rf', path], DETACHED)

/** In a process group of its own, so that the Ctrl-C which ends the run does not end the cleaning up. */
const DETACHED = { stdio: 'ignore', detached: true } as const
