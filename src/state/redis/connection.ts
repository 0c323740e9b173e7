import type { RedisClientType } from '@redis/client'
import type { RedisAddress } from '../../config/state.ts'
import { redisLibrary } from './library.ts'
import { limited } from './limited.ts'

export type Client = RedisClientType<Record<never, never>, Record<never, never>, Record<never, never>, 2>

export interface Connection {
  client: Client
  /** Resolves when it was lost. */
  ended: Promise<void>
}

/**
 * Opens one connection, and has `meet` learn about the other side within the same patience. It never comes back after it
 * was lost and takes no command while it is not there: nothing is sent later than it was asked for, and who calls again
 * (line.ts) learns anew whom it talks to.
 *
 * It does not keep the process alive; whoever waits for an answer does.
 */
export async function openConnection<T extends object>(
  { url }: RedisAddress,
  patience_ms: number,
  meet: (client: Client) => Promise<T>,
): Promise<Connection & T> {
  const { createClient } = await redisLibrary()
  const client: Client = createClient({
    url: url.reveal(),
    RESP: 2,
    disableOfflineQueue: true,
    socket: { reconnectStrategy: false, connectTimeout: patience_ms },
    // The time limit of the library ends with the sending; ours (ask.ts) covers the answer.
    commandOptions: { timeout: 0 },
    // Commands that a narrow ACL may forbid, and nobody here needs.
    disableClientInfo: true,
    maintNotifications: 'disabled',
  })
  const ended = new Promise<void>((resolve) => void client.on('terminated', () => resolve()))
  void ended.then(() => client.destroy())
  // Without a listener an error would end the process. Whoever waits for an answer is told by its rejection.
  client.on('error', () => {})
  client.unref()
  const connecting = client.connect()
  try {
    // The limit of the library is for the socket alone: a Redis that hangs accepts it and says nothing.
    const met = await limited(
      connecting.then(() => meet(client)),
      patience_ms,
      { waits: false },
    )
    return { client, ended, ...met }
  } catch (error) {
    // One that is given up while its socket is being made would have it all the same.
    void connecting.catch(() => {}).then(() => client.destroy())
    client.destroy()
    throw error
  }
}
