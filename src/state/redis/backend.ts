import { randomBytes } from 'node:crypto'
import type { RedisAddress } from '../../config/state.ts'
import { beforeChange, fail } from '../../snapshots/errors.ts'
import type { Log } from '../../snapshots/provider.ts'
import type { Backend } from '../backend.ts'
import { createWindow } from '../window.ts'
import { type Asked, createAsk, script } from './ask.ts'
import { createChannels } from './changes.ts'
import { type Client, openConnection } from './connection.ts'
import { keysOf } from './keys.ts'
import { learntAnew } from './learnt-anew.ts'
import { lifeOf, onceEach } from './life.ts'
import { createLine } from './line.ts'
import { createRedisStore } from './store.ts'
import { createVisits } from './visits.ts'

export interface RedisBackendOptions {
  address: RedisAddress
  clock: () => number
  log: Log
  random?: (size: number) => Buffer
  /** How long a connection may take, and a call together with all that it needs. */
  patience_ms?: number
}

const PATIENCE_MS = 2000
const KEY_LENGTH = 32

/** KEYS: where it is. ARGV: what it is to be if there is none. */
const SETTLE = script(`redis.call('SETNX', KEYS[1], ARGV[1])\nreturn redis.call('GET', KEYS[1])`, {
  decides: true,
})
/** KEYS: any. That it is there for a minute proves that something can be written. */
const PROVE = script(`return redis.call('SET', KEYS[1], '1', 'PX', 60000)`)

/**
 * State in a Redis (6 or newer, one node) that servers on any machine share. Connects on first use, and comes back by
 * itself when Redis does; meanwhile every call fails soon, and no failure ends the process.
 */
export function createRedisBackend(options: RedisBackendOptions): Backend {
  const { address, clock, log, random = randomBytes, patience_ms = PATIENCE_MS } = options
  const about = { redis: address.shown }
  const warn = onceEach(log, about)
  const line = createLine<Asked>({
    open: () =>
      openConnection(address, patience_ms, async (client) => {
        const known = learntAnew(async () => ({
          life: await lifeOf(client, warn),
          ahead: await aheadOf(client),
        }))
        await known()
        return { known }
      }),
    log,
    about,
  })
  const ask = createAsk(line, patience_ms)
  const channels = createChannels({ address, publishing: line, patience_ms, log, about })
  const database = new URL(address.url.reveal()).pathname.slice(1) || '0'
  const server = keysOf()
  const visit = createVisits(ask, server)
  const window = createWindow(() => performance.now())

  return {
    shared: true,
    store: (tenant) => createRedisStore({ ask, keys: keysOf(tenant), clock, random }),
    changes: (tenant) => channels.changes(keysOf(tenant).changes(database)),
    async key(tenant) {
      const fresh = random(KEY_LENGTH).toString('base64')
      const text = await beforeChange(ask<string>(SETTLE, [keysOf(tenant).secret], () => [fresh]))
      const key = Buffer.from(text, 'base64')
      if (key.length !== KEY_LENGTH) throw damagedKey()
      return key
    },
    admit: (who, most) => visit(who, most).catch(() => window.admit(who, most)),
    check: () => ask(PROVE, [server.check], () => []),
    async close() {
      line.close()
      channels.close()
    },
  }
}

/** What its answer takes on the way makes it too little, so nothing is sent that would still be done when it is too late. */
async function aheadOf(client: Client): Promise<number> {
  const [seconds, microseconds] = await client.sendCommand<[string, string]>(['TIME'])
  return Number(seconds) * 1000 + Number(microseconds) / 1000 - performance.now()
}

const damagedKey = () =>
  fail(
    'CORRUPT',
    'The key that protects confirmations is damaged; nothing was changed.',
    'Ask the operator to remove the key whose name ends in ":secret" from the Redis given by --state: a new one is made.',
  )
