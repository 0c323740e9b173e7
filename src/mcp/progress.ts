import type { ServerContext } from '@modelcontextprotocol/server'

/** Between two reports, in milliseconds: ten a second are enough for a person and cheap for a client. */
const INTERVAL_MS = 100

export interface Progress {
  report(done: number, total: number | undefined, message: string): void
  /** No report may follow the answer. */
  stop(): void
}

/** Sends progress to a client that asked for it: strictly rising, throttled, and never a reason to fail. */
export function createProgress({ mcpReq }: ServerContext, clock: () => number = Date.now): Progress {
  const progressToken = mcpReq._meta?.progressToken
  let open = progressToken !== undefined
  let sent = Number.NEGATIVE_INFINITY
  let sentAt = Number.NEGATIVE_INFINITY
  return {
    report(done, total, message) {
      if (!open || progressToken === undefined || done <= sent || clock() - sentAt < INTERVAL_MS) return
      sent = done
      sentAt = clock()
      const params = { progressToken, progress: done, ...(total !== undefined && { total }), message }
      mcpReq.notify({ method: 'notifications/progress', params }).catch(() => {})
    },
    stop() {
      open = false
    },
  }
}
