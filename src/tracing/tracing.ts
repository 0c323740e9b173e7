import type { Era } from '../mcp/client.ts'
import type { ErrorCode } from '../snapshots/errors.ts'
import type { Log } from '../snapshots/provider.ts'
import type { TraceParent } from './context.ts'

/** A span for each call of a tool, for whoever collects them. Nothing of what a call is about is in it. */
export interface Tracing {
  /** Never fails: undefined where there is to be no span after all. */
  begin(call: TracedCall): Promise<CallSpan | undefined>
  /** Sends what was not sent yet, for two seconds at most. */
  close(): Promise<void>
}

export interface TracedCall {
  tool: string
  era: Era
  protocol?: string
  parent?: TraceParent
}

export interface CallSpan {
  /** Its own where the call belongs to no other. */
  readonly traceId: string
  /** `failure`: what the call was refused with. `operation`: what it is on record as. */
  end(what: { failure?: ErrorCode; operation?: string }): void
}

/** In milliseconds. Whoever ends a server waits for it. */
const CLOSING_MS = 2000

/** Loads the OpenTelemetry SDK with the first call, and not at all before. */
export function createTracing(log: Log): Tracing {
  let loaded: Promise<Tracing | undefined> | undefined
  async function load() {
    try {
      const { createExporting } = await import('./exporting.ts')
      return createExporting(log)
    } catch (error) {
      log.warn('There are no traces: what sends them could not be started', { error })
      return undefined
    }
  }
  return {
    async begin(call) {
      loaded ??= load()
      try {
        return await (await loaded)?.begin(call)
      } catch (error) {
        log.warn('A call is not traced', { error })
        return undefined
      }
    },
    async close() {
      // What could not be sent is in the log already.
      const closing = loaded?.then((tracing) => tracing?.close()).catch(() => {})
      const late = new Promise((resolve) => setTimeout(resolve, CLOSING_MS).unref())
      await Promise.race([closing, late])
    },
  }
}
