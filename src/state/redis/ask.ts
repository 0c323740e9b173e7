import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client, Connection } from './connection.ts'
import { isReply } from './library.ts'
import { isSame, type Life } from './life.ts'
import { limited, TooLate } from './limited.ts'
import type { Line } from './line.ts'
import { reasonOf, refused, unreachable } from './trouble.ts'

/** It comes to the same when it runs twice with the same arguments: an answer that was lost is asked for again. */
export interface Script {
  text: string
  /** By which Redis knows it once it has run. */
  sha: string
  /** Somebody goes by what came of it: when its answer is lost, half of the patience is left to find out. */
  decides: boolean
}

/**
 * What decides does so in time or not at all: a Redis that hung finds what it was sent meanwhile when it goes on, and by
 * then whoever sent it has told somebody that nothing was done.
 */
const IN_TIME = `local time = redis.call('TIME')
if time[1] * 1000 + time[2] / 1000 > tonumber(ARGV[#ARGV]) then return -1 end
`
const MISSED = -1

export function script(body: string, { decides = false } = {}): Script {
  const text = decides ? IN_TIME + body : body
  return { text, sha: createHash('sha1').update(text).digest('hex'), decides }
}

/** Before something is tried again. */
const PAUSE_MS = 20

export interface Asked extends Connection {
  /** Learnt anew from time to time. Rejects where it cannot be, or where this Redis is not to be used. */
  known(): Promise<Known>
}

export interface Known {
  life: Life
  /** By how many milliseconds the clock of the Redis is ahead of `performance.now()`, or less. */
  ahead: number
}

/**
 * Runs a script. The arguments may depend on the life of the Redis that is to run it. PROVIDER_UNAVAILABLE and others
 * of trouble.ts.
 */
export type Ask = <T>(
  script: Script,
  keys: readonly string[],
  args: (life: Life) => readonly (string | number)[],
) => Promise<T>

/** `patience_ms` is for everything together: connecting, waiting for the answer, asking again. */
export function createAsk(line: Line<Asked>, patience_ms: number): Ask {
  return async <T>(work: Script, keys: readonly string[], args: Parameters<Ask>[2]) => {
    const deadline = performance.now() + patience_ms
    const left = () => deadline - performance.now()
    /** Of the Redis that it was sent to first. */
    let first: Life | undefined

    for (;;) {
      const isInDoubt = work.decides && first !== undefined
      const connection = await reach(left, isInDoubt).catch(() => undefined)
      if (!connection) throw unreachable(isInDoubt)
      const known = await learn(connection, left)
      if (!known) continue
      const { life, ahead } = known
      // What was sent to an earlier life may have come to something there, and been forgotten.
      if (isInDoubt && first && !isSame(first, life)) throw unreachable(true)
      first = life
      try {
        const most = work.decides && !isInDoubt ? left() / 2 : left()
        const until = work.decides ? [deadline + ahead] : []
        const all = [...args(life), ...until]
        const answer = await limited(evaluate<T>(connection.client, work, keys, all), most)
        if (answer !== MISSED) return answer
        // With time left: its clock was set, and the next connection learns by how much.
        line.drop(connection, 'its clock was set')
      } catch (error) {
        // Another one has taken its place: what is next asks who that is.
        if (isReply(error) && reasonOf(error) === 'READONLY') line.drop(connection, 'READONLY')
        if (isReply(error)) throw refused(error)
        if (error instanceof TooLate) line.drop(connection, 'no answer')
        await sleep(PAUSE_MS)
      }
    }
  }

  /** Undefined when the connection turned out to be of no use. */
  async function learn(connection: Asked, left: () => number): Promise<Known | undefined> {
    try {
      return await limited(connection.known(), left())
    } catch (error) {
      // By then it is known of one that was lost, and the next is called without anybody noticing.
      await sleep(PAUSE_MS)
      line.drop(connection, reasonOf(error))
      return undefined
    }
  }

  /** Fails at once when there is nobody to reach; `patiently` when there still is not in the end. */
  async function reach(left: () => number, patiently: boolean): Promise<Asked> {
    for (;;) {
      try {
        return await limited(line.get(), left())
      } catch (error) {
        if (!patiently || line.isClosed || left() <= 0) throw error
        await sleep(PAUSE_MS)
      }
    }
  }
}

async function evaluate<T>(
  client: Client,
  { text, sha }: Script,
  keys: readonly string[],
  args: readonly (string | number)[],
): Promise<T> {
  const rest = [String(keys.length), ...keys, ...args.map(String)]
  try {
    return await client.sendCommand<T>(['EVALSHA', sha, ...rest])
  } catch (error) {
    // Not known to this Redis yet, or not any more.
    if (!isReply(error) || reasonOf(error) !== 'NOSCRIPT') throw error
    return await client.sendCommand<T>(['EVAL', text, ...rest])
  }
}
