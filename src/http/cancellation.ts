import type { Changes } from '../state/backend.ts'

/**
 * Calls of clients that have no session here and yet may take a call back: clients before 2026-07-28 say so with a request
 * of its own, which any replica may get.
 */
export interface Cancellations {
  /** Aborted when the call of this name is taken back. To be ended with the call. */
  watch(name: string): { signal: AbortSignal; end(): void }
  cancel(name: string): void
  close(): void
}

export function createCancellations(changes: Changes): Cancellations {
  const running = new Map<string, AbortController>()
  const stop = changes.subscribe(({ cancelled }) => {
    if (cancelled !== undefined) running.get(cancelled)?.abort()
  })
  return {
    watch(name) {
      const controller = new AbortController()
      running.set(name, controller)
      return {
        signal: controller.signal,
        end: () => void (running.get(name) === controller && running.delete(name)),
      }
    },
    cancel: (name) => changes.publish({ cancelled: name }),
    close: stop,
  }
}
