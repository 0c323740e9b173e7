import { z } from 'zod'
import type { RedisAddress } from '../../config/state.ts'
import type { Log } from '../../snapshots/provider.ts'
import type { Change, Changes } from '../backend.ts'
import { createChanges } from '../local-changes.ts'
import { type Client, type Connection, openConnection } from './connection.ts'
import { createLine, type Line } from './line.ts'

/** Others write to this Redis, too. */
const Message = z.object({ snapshots: z.array(z.string()).optional(), cancelled: z.string().optional() })

interface Hearing extends Connection {
  hear(channel: string): Promise<void>
}

export interface Channels {
  changes(channel: string): Changes
  close(): void
}

export interface ChannelsOptions {
  address: RedisAddress
  /** What is published goes along with everything else. */
  publishing: Pick<Line<Connection>, 'get'>
  patience_ms: number
  log: Log
  about: Record<string, unknown>
}

/** News between servers. Listening needs a connection of its own, which is made when somebody listens first. */
export function createChannels({ address, publishing, patience_ms, log, about }: ChannelsOptions): Channels {
  /** Whom to tell here, by the channels that somebody has ever listened to. */
  const heard = new Map<string, Changes>()

  const line = createLine<Hearing>({
    open: () =>
      openConnection(address, patience_ms, async (client) => {
        const hear = hearing(client)
        await Promise.all([...heard.keys()].map(hear))
        return { hear }
      }),
    log,
    about: { ...about, for: 'changes' },
  })

  /** Subscribes this connection to a channel, once. */
  function hearing(client: Client): Hearing['hear'] {
    const channels = new Set<string>()
    return async (channel) => {
      if (channels.has(channel)) return
      channels.add(channel)
      await client.subscribe(channel, (text) => tell(channel, text))
    }
  }

  function tell(channel: string, text: string): void {
    const change = changeIn(text)
    if (change) heard.get(channel)?.publish(change)
  }

  async function send(channel: string, change: Change): Promise<void> {
    const { client } = await publishing.get()
    await client.publish(channel, JSON.stringify(change))
  }

  return {
    changes: (channel) => ({
      publish(change) {
        void send(channel, change).catch(() => log.debug('a change was not told to other servers', about))
      },
      subscribe(listener) {
        const local = heard.get(channel) ?? createChanges()
        heard.set(channel, local)
        void line
          .get()
          .then(({ hear }) => hear(channel))
          .catch(() => {})
        return local.subscribe(listener)
      },
    }),
    close: line.close,
  }
}

function changeIn(text: string): Change | undefined {
  try {
    return Message.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}
