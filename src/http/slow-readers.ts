import type { Socket } from 'node:net'

/** Cuts off whoever asks and does not read, so that what waits for them does not fill the memory. */
export interface SlowReaders {
  /** From when it is connected: whoever has not said who they are could leave as much unread as anybody. */
  watch(socket: Socket): void
  /** Looks at all of them; done by itself every few seconds. */
  sweep(): void
}

/** How long nothing may leave although something waits. */
const PATIENCE_MS = 30_000
const SWEEP_MS = 5000

interface Watched {
  /** Bytes that had left the process when that last changed. */
  sent: number
  since: number
}

export function createSlowReaders(clock: () => number): SlowReaders {
  const watched = new Map<Socket, Watched>()

  function sweep() {
    const now = clock()
    for (const [socket, last] of watched) {
      const sent = socket.bytesWritten - socket.writableLength
      if (socket.writableLength === 0 || sent !== last.sent) watched.set(socket, { sent, since: now })
      else if (now - last.since > PATIENCE_MS) socket.destroy()
    }
  }

  setInterval(sweep, SWEEP_MS).unref()
  return {
    watch(socket) {
      watched.set(socket, { sent: 0, since: clock() })
      socket.once('close', () => watched.delete(socket))
    },
    sweep,
  }
}
