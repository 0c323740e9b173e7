import { median, quantile } from '../numbers.ts'
import type { Load } from './load.ts'
import { CALLS, type CallName, type Side, type Sides } from './sides.ts'

export const ROUNDS = 5
export const CONNECTIONS = [1, 16, 64] as const
/** Of one side in one round. */
export const MOST = { count: 2000, ms: 1000 }
const WARM_UP = { count: 2000, ms: 2000 }

/** Of a side under a number of connections, medians of the rounds; times in milliseconds. */
export interface Rate {
  perSecond: number
  p50: number
  p99: number
  /** Of all rounds together. */
  putOff: number
}

export type Rates = ReadonlyMap<CallName, ReadonlyMap<Side, readonly Rate[]>>

/** All sides take turns, round by round. The rates of a side come in the order of CONNECTIONS. */
export async function measureRates({ all }: Sides, load: Load, say: (line: string) => void): Promise<Rates> {
  const rates = new Map<CallName, Map<Side, Rate[]>>()
  for (const call of CALLS) {
    const bySide = new Map<Side, Rate[]>(all.map((side) => [side, []]))
    rates.set(call, bySide)
    for (const side of all) await ask(side, 16, WARM_UP)
    for (const connections of CONNECTIONS) {
      say(`${call}, ${connections} at once`)
      const rounds = new Map<Side, Rate[]>(all.map((side) => [side, []]))
      for (let round = 0; round < ROUNDS; round++)
        for (const side of all) rounds.get(side)!.push(await ask(side, connections, MOST))
      for (const side of all) bySide.get(side)!.push(middle(rounds.get(side)!))
    }

    async function ask(side: Side, concurrency: number, most: typeof MOST): Promise<Rate> {
      const { origins } = side
      const message = await side.message(call)
      const { requests, ms, latencies, putOff } = await load.send({
        message,
        origins,
        path: '/mcp',
        concurrency,
        most,
      })
      return {
        perSecond: (requests / ms) * 1000,
        p50: quantile(latencies, 0.5),
        p99: quantile(latencies, 0.99),
        putOff,
      }
    }
  }
  return rates
}

const middle = (rounds: readonly Rate[]): Rate => ({
  perSecond: median(rounds.map(({ perSecond }) => perSecond)),
  p50: median(rounds.map(({ p50 }) => p50)),
  p99: median(rounds.map(({ p99 }) => p99)),
  putOff: rounds.reduce((sum, { putOff }) => sum + putOff, 0),
})
