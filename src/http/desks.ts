import { createApp, type Shared } from '../app.ts'
import type { AccessFile } from '../config/access.ts'
import { configFor, type Place } from '../config/tenant.ts'
import type { Config } from '../config.ts'
import { createDesk, type Desk, type DeskOptions } from './desk.ts'
import type { Identity } from './identity.ts'
import { refuse } from './refusal.ts'

/**
 * One desk for each place that somebody works in. Tenants meet nowhere but in the process: each desk has a service, a
 * store, a state and accounts of its own, so that what belongs to another tenant is not hidden but absent.
 */
export interface Desks {
  /** The desk of a caller, and how to leave it. Throws a Refusal (503) where it cannot be set up. */
  enter(identity: Identity): Promise<{ desk: Desk; leave(): void }>
  /** That of the server itself. */
  own(): Promise<Desk>
  open(): readonly Desk[]
  close(): Promise<void>
}

export interface DesksOptions extends Omit<DeskOptions, 'app' | 'isNarrow'> {
  config: Config
  access: (() => AccessFile) | undefined
  shared: Shared
}

interface Seat {
  desk: Promise<Desk>
  /** The same, once it is there. */
  ready?: Desk
  /** Requests that are served there now. */
  visitors: number
  leftAt: number
}

/** After this long without anybody a desk gives back its memory. What it knows is on the disk. */
const IDLE_MS = 30 * 60_000
const SWEEP_MS = 60_000

const NOBODY: AccessFile = { tenants: {}, tokens: [] }

export function createDesks({ config, access, shared, ...options }: DesksOptions): Desks {
  const { log } = shared
  const { clock } = options
  const seats = new Map<string, Seat>()

  const sweeper = setInterval(() => {
    for (const [key, seat] of seats)
      if (seat.visitors === 0 && clock() - seat.leftAt > IDLE_MS) void clear(key, seat)
  }, SWEEP_MS).unref()

  async function clear(key: string, seat: Seat): Promise<void> {
    const desk = await seat.desk
    // What a cloud still works on is watched to its end: a machine may have to be switched on again.
    const isBusy = desk.sessions() > 0 || (await desk.app.busy())
    if (isBusy || seat.visitors > 0 || seats.get(key) !== seat) return
    seats.delete(key)
    await desk.close().catch((error) => log.error('a desk was not closed', { error }))
  }

  function seatFor(place: Place): Seat {
    const file = access?.() ?? NOBODY
    // What the operator has changed about a tenant takes effect with a new desk.
    const key = JSON.stringify([place, place.tenant === undefined ? null : file.tenants[place.tenant]])
    const known = seats.get(key)
    if (known) return known
    const app = createApp(configFor(config, file, place), shared)
    const isNarrow = place.providers !== undefined || place.roots !== undefined
    const desk = createDesk({ ...options, app, isNarrow })
    const seat: Seat = { desk, visitors: 0, leftAt: clock() }
    desk.then(
      (ready) => Object.assign(seat, { ready }),
      () => seats.delete(key),
    )
    seats.set(key, seat)
    return seat
  }

  async function sit(place: Place): Promise<{ desk: Desk; leave(): void }> {
    const seat = seatFor(place)
    seat.visitors++
    const leave = () => {
      seat.visitors--
      seat.leftAt = clock()
    }
    try {
      return { desk: await seat.desk, leave }
    } catch (error) {
      leave()
      throw error
    }
  }

  return {
    async enter({ place }) {
      try {
        return await sit(place)
      } catch (error) {
        log.error('a caller cannot be served', { tenant: place.tenant, error })
        throw refuse(
          503,
          [
            'PROVIDER_UNAVAILABLE',
            'What this caller may work with cannot be set up just now. Nothing was done.',
            'Ask the operator: the log of the server has the reason.',
          ],
          { retry_after_ms: 10_000 },
        )
      }
    },
    async own() {
      const { desk, leave } = await sit({})
      leave()
      return desk
    },
    open: () => [...seats.values()].flatMap((seat) => (seat.ready ? [seat.ready] : [])),
    async close() {
      clearInterval(sweeper)
      await Promise.allSettled([...seats.values()].map(async ({ desk }) => (await desk).close()))
      seats.clear()
    },
  }
}
