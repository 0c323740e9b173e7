import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Pool } from 'undici'
import type { Message } from './messages.ts'

/**
 * A process of its own that sends one message over and over, and checks every answer. It is told what to do by the
 * process that forked it, one job after the other, and ends with it.
 */
export interface Job {
  message: Message
  /** Origins that get the messages in turn. On loopback. */
  origins: readonly string[]
  path: string
  /** Connections, each with one message under way. */
  concurrency: number
  /** It ends with whatever comes first. */
  most: { count: number; ms: number }
}

export interface Outcome {
  requests: number
  ms: number
  /** Of each request that was answered, in milliseconds. */
  latencies: number[]
  /** Requests that were told to come again later, did so, and count no further. */
  putOff: number
}

/** The first answer, and what is to come of it: a JSON-RPC result without its id. */
interface Checked {
  expected?: string
}

async function run({ message, origins, path, concurrency, most }: Job): Promise<Outcome> {
  for (const origin of origins)
    if (new URL(origin).hostname !== '127.0.0.1') throw new Error(`${origin} is not on loopback`)
  const pools = origins.map((origin) => new Pool(origin, { connections: concurrency, pipelining: 1 }))
  const checked: Checked = {}
  const latencies: number[] = []
  const started = performance.now()
  let next = 0
  let putOff = 0

  async function work(): Promise<void> {
    while (next < most.count && performance.now() - started < most.ms) {
      const id = next++
      const began = performance.now()
      const { statusCode, body } = await pools[id % pools.length]!.request({
        method: 'POST',
        path,
        headers: message.headers,
        body: `${message.head}${id}${message.tail}`,
      })
      const text = await body.text()
      const wait = waitIn(text)
      if (wait === undefined) {
        latencies.push(performance.now() - began)
        check(checked, id, statusCode, text)
      } else {
        putOff++
        await sleep(wait)
      }
    }
  }
  try {
    await Promise.all(Array.from({ length: concurrency }, work))
    return { requests: latencies.length, ms: performance.now() - started, latencies, putOff }
  } finally {
    await Promise.all(pools.map((pool) => pool.destroy()))
  }
}

/** How long a refusal asks its caller to wait (ms). */
function waitIn(text: string): number | undefined {
  if (!text.includes('"code":"RATE_LIMITED"')) return undefined
  return Number(/"retry_after_ms":(\d+)/.exec(text)?.[1])
}

/** Nothing changes meanwhile, so that every answer is the first one but for its id. */
function check(checked: Checked, id: number, status: number, text: string): void {
  const json = text.startsWith('{') ? text : (/^data: (.*)$/m.exec(text)?.[1] ?? '')
  const without = json.replace(`"id":${id}`, '"id":?')
  if (status === 200 && without !== json) {
    checked.expected ??= firstOf(json, without)
    if (without === checked.expected) return
  }
  throw new Error(`request ${id} was answered with ${status} ${text.slice(0, 1000)}`)
}

function firstOf(json: string, without: string): string {
  const { result } = JSON.parse(json) as { result?: { isError?: boolean } }
  if (!result || result.isError) throw new Error(`the first answer is no result: ${json.slice(0, 1000)}`)
  return without
}

process.on('disconnect', () => process.exit())
process.on('message', async (job: Job) => {
  const answer = await run(job).catch((error: Error) => ({ error: error.message }))
  process.send?.(answer)
})
await once(process, 'disconnect')
