import type { Log } from '../../snapshots/provider.ts'
import type { Connection } from './connection.ts'
import { reasonOf } from './trouble.ts'

/** A connection that is made on first use, and made anew after it was lost. */
export interface Line<C extends Connection> {
  /**
   * The connection, or the one that is being made. Rejects at once while Redis is known to be away: then it is called
   * in the background, and nobody waits for that.
   */
  get(): Promise<C>
  readonly isClosed: boolean
  /** Gives up a connection that is of no use any more. Whatever waits on it is rejected. */
  drop(connection: C, reason: string): void
  close(): void
}

export interface LineOptions<C extends Connection> {
  open(): Promise<C>
  log: Log
  /** What every line of the log is to tell. */
  about: Record<string, unknown>
}

/** Milliseconds between two calls: the first, doubled with each, and the most. */
const FIRST_PAUSE = 20
const LONGEST_PAUSE = 1000

export function createLine<C extends Connection>({ open, log, about }: LineOptions<C>): Line<C> {
  let current: Promise<C> | undefined
  let arrived: C | undefined
  let isAway = false
  let isClosed = false
  let pause = FIRST_PAUSE
  let timer: NodeJS.Timeout | undefined

  function connect(): Promise<C> {
    clearTimeout(timer)
    const own = open()
    current = own
    own.then(
      (connection) => {
        if (isClosed) return connection.client.destroy()
        if (isAway) log.info('the shared state can be reached again', about)
        arrived = connection
        isAway = false
        pause = FIRST_PAUSE
        connection.ended.then(() => {
          if (arrived === connection) callLater()
        })
      },
      (error) => {
        if (!isClosed) goAway(reasonOf(error))
      },
    )
    return own
  }

  function goAway(reason: string): void {
    if (!isAway) log.warn('the shared state cannot be reached', { ...about, reason })
    isAway = true
    callLater()
  }

  /** What is asked meanwhile makes the connection at once, unless Redis is away. */
  function callLater(): void {
    if (isClosed) return
    current = undefined
    arrived = undefined
    clearTimeout(timer)
    timer = setTimeout(() => current ?? connect().catch(() => {}), pause).unref()
    pause = Math.min(pause * 2, LONGEST_PAUSE)
  }

  return {
    async get() {
      if (isClosed || isAway) throw new Error('not connected')
      return current ?? connect()
    },
    get isClosed() {
      return isClosed
    },
    drop(connection, reason) {
      if (arrived !== connection) return
      goAway(reason)
      connection.client.destroy()
    },
    close() {
      isClosed = true
      clearTimeout(timer)
      arrived?.client.destroy()
    },
  }
}
