import { SnapshotError } from '../../snapshots/errors.ts'
import { plain } from '../../snapshots/plain.ts'
import type { Context } from '../../snapshots/provider.ts'
import { PATIENCE } from './assumptions.ts'
import type { Cloud } from './cloud.ts'

/** A build's log that is being read, beside whatever else goes on. */
export interface BuildLog {
  /** The last lines come with the end of the build: waits for them, but not for long. Never fails. */
  end(): Promise<void>
  stop(): void
}

const LAST_LINES_MS = 5_000
/** Long streams break now and then. */
const TRIES = 2

/** Tells the lines of the log as progress. What goes wrong with it is no harm to the build. */
export function followBuild({ api, time }: Cloud, id: string, ctx: Context): BuildLog {
  const stopper = new AbortController()
  const stop = () => stopper.abort()
  ctx.signal.addEventListener('abort', stop, { once: true })
  const call = { signal: stopper.signal, log: ctx.log }

  async function* lines(): AsyncGenerator<string> {
    const { url } = await api.logAddress(id, call)
    try {
      yield* api.logAt(url, PATIENCE.recipe, call)
    } catch (error) {
      if (!(error instanceof SnapshotError) || error.code !== 'UNSUPPORTED') throw error
      // It lies where the key must not go. The API itself can still pass it on.
      yield* api.log(id, PATIENCE.recipe, call)
    }
  }
  /** How many lines have been told: the log begins anew with each connection. */
  let told = 0
  async function tell(): Promise<void> {
    let at = 0
    for await (const line of lines()) {
      if (at++ < told) continue
      told = at
      const text = plain(line.trim())
      if (text !== '' && !stopper.signal.aborted) ctx.progress(0, undefined, text)
    }
  }
  async function follow(): Promise<void> {
    for (let tries = 0; tries < TRIES && !stopper.signal.aborted; tries++) {
      try {
        return await tell()
      } catch (error) {
        if (!stopper.signal.aborted) ctx.log.info('the log of a build broke off', { error })
      }
    }
  }
  const done = follow()
  return {
    async end() {
      let disarm = () => {}
      const late = new Promise<void>((resolve) => {
        disarm = time.after(LAST_LINES_MS, resolve)
      })
      await Promise.race([done, late]).finally(() => disarm())
    },
    stop() {
      stop()
      ctx.signal.removeEventListener('abort', stop)
    },
  }
}
