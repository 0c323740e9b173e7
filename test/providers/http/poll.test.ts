import { describe, expect, test } from 'vitest'
import { type PollOptions, poll } from '../../../src/providers/http/poll.ts'
import { type ErrorCode, fail, SnapshotError } from '../../../src/snapshots/errors.ts'
import { handTime } from './hand-time.ts'

const NO_LOG = { debug() {}, info() {}, warn() {}, error() {} }
const trouble = (code: ErrorCode, retry_after_ms?: number) =>
  fail(code, 'no', 'hint', retry_after_ms === undefined ? {} : { retry_after_ms })

/** Waits until what is seen is `ready`. It sees these states, one a look, the last one for ever. */
async function wait(seen: (string | Error)[], options: Partial<PollOptions<string>> = {}) {
  const time = handTime()
  const told: [number, number | undefined, string][] = []
  const stop = new AbortController()
  let looks = 0
  const ended = await poll(
    {
      read: async () => {
        const state = seen[Math.min(looks++, seen.length - 1)]!
        if (state === 'cancel') stop.abort()
        if (state instanceof Error) throw state
        return state
      },
      settled: (state) => state === 'ready' || state === 'failed',
      describe: (state) => `it is ${state}`,
      firstMs: 1000,
      timeoutMs: 1_800_000,
      time,
      random: () => 1,
      ...options,
    },
    { signal: stop.signal, log: NO_LOG, progress: (...words) => void told.push(words) },
  )
  return { ...ended, looks, slept: time.slept, told }
}

describe('a wait', () => {
  test('looks at once, then with pauses that grow to a quarter of a minute', async () => {
    const { settled, value, slept } = await wait([...Array(10).fill('pending'), 'ready'])
    expect({ settled, value }).toEqual({ settled: true, value: 'ready' })
    expect(slept).toEqual([1000, 1500, 2250, 3375, 5063, 7594, 11391, 15000, 15000, 15000])
  })

  test('ends with any settled state, a bad one too', async () => {
    expect(await wait(['pending', 'failed'])).toMatchObject({ settled: true, value: 'failed', looks: 2 })
  })

  test('goes on through states that nobody knows', async () => {
    expect(await wait(['pending', 'capturing', '', 'ready'])).toMatchObject({ settled: true, looks: 4 })
  })

  test('is not needed for what is settled, and pauses first when it was just seen', async () => {
    expect(await wait(['never'], { initial: 'ready' })).toMatchObject({
      settled: true,
      value: 'ready',
      looks: 0,
    })
    expect(await wait(['ready'], { initial: 'pending' })).toMatchObject({ settled: true, slept: [1000] })
  })

  test('takes off up to a tenth of a pause by chance', async () => {
    const { slept } = await wait(['pending', 'pending', 'pending', 'ready'], { random: () => 0 })
    expect(slept).toEqual([900, 1215, 1640])
  })

  test('tells how long it has been, in seconds that rise', async () => {
    const { told } = await wait([...Array(5).fill('pending'), 'ready'], { firstMs: 400 })
    expect(told).toEqual([
      [1, undefined, 'it is pending (1 s)'],
      [2, undefined, 'it is pending (2 s)'],
      [3, undefined, 'it is pending (3 s)'],
    ])
  })
})

describe('the end of the time', () => {
  test('is not an error: what was started goes on', async () => {
    const ended = await wait(['pending'], { timeoutMs: 10_000 })
    expect(ended).toMatchObject({ settled: false, value: 'pending', slept: [1000, 1500, 2250, 3375, 1875] })
    expect(ended.late).toBe(true)
    expect(ended).not.toHaveProperty('error')
  })

  test('during an outage is one, however early a look was answered', async () => {
    const no = trouble('NETWORK')
    const failing = (seen: (string | Error)[]) => wait(seen, { timeoutMs: 2000 })
    expect(await failing([no])).toMatchObject({ settled: false, value: undefined, error: no, late: true })
    expect(await failing(['pending', no])).toMatchObject({ value: 'pending', error: no, late: true })
    expect(await failing([no, no, 'pending'])).not.toHaveProperty('error')
  })

  test('may have come already: one look, or none', async () => {
    expect(await wait(['pending'], { timeoutMs: 0 })).toMatchObject({
      settled: false,
      value: 'pending',
      looks: 1,
    })
    expect(await wait(['ready'], { timeoutMs: 0, initial: 'pending' })).toMatchObject({
      value: 'pending',
      looks: 0,
    })
  })

  test('comes a little later for a look that takes long', async () => {
    const time = handTime()
    let given: AbortSignal | undefined
    const read = ({ signal }: { signal: AbortSignal }) =>
      new Promise<string>((_, reject) => {
        given = signal
        signal.addEventListener('abort', () => reject(trouble('CANCELLED')))
      })
    const waiting = wait([], { read, timeoutMs: 10_000, time })
    time.pass(14_999)
    expect(given?.aborted).toBe(false)
    time.pass(1)
    // The caller has not cancelled, whatever the look that was cut off says.
    expect(await waiting).toMatchObject({
      settled: false,
      value: undefined,
      late: true,
      error: { problem: { code: 'TIMEOUT', outcome: 'unknown', retryable: false } },
    })
  })
})

describe('a look that fails', () => {
  const PASSING = [
    ...(['NOT_FOUND', 'NETWORK', 'TIMEOUT', 'PROVIDER_UNAVAILABLE'] as const),
    ...(['RATE_LIMITED', 'PROVIDER_BUG'] as const),
  ]

  test.for(PASSING)('with %s may do so three times in a row', async (code) => {
    const no = trouble(code)
    expect(await wait([no, no, no, 'pending', no, no, no, 'ready'])).toMatchObject({
      settled: true,
      looks: 8,
    })
    const ended = await wait(['pending', no, no, no, no, 'ready'])
    expect(ended).toMatchObject({ settled: false, value: 'pending', error: no, looks: 5, late: false })
  })

  test.for(['UNAUTHENTICATED', 'FORBIDDEN'] as const)('with %s ends the wait', async (code) => {
    const no = trouble(code)
    expect(await wait([no, 'ready'])).toMatchObject({
      settled: false,
      value: undefined,
      error: no,
      looks: 1,
    })
  })

  test('is repeated no sooner than the provider wants', async () => {
    const { slept } = await wait([trouble('RATE_LIMITED', 42_000), 'pending', 'ready'])
    expect(slept).toEqual([42_000, 15_000])
  })

  test('is repeated after a minute when the provider wants a year', async () => {
    const { slept } = await wait([trouble('RATE_LIMITED', 365 * 86_400_000), 'ready'])
    expect(slept).toEqual([60_000])
  })

  test('by a defect is thrown', async () => {
    await expect(wait([new TypeError('oops')])).rejects.toThrow('oops')
  })
})

describe('a caller who goes away', () => {
  test('ends the wait in a pause and in a look, and what was started goes on', async () => {
    for (const seen of [['cancel'], ['pending', 'cancel'], [trouble('NETWORK'), 'cancel']]) {
      const { settled, error } = await wait(seen)
      expect(settled).toBe(false)
      expect(error).toBeInstanceOf(SnapshotError)
      expect(error?.problem).toMatchObject({ code: 'CANCELLED', outcome: 'unknown', retryable: false })
    }
  })

  test('ends a look that goes on, too', async () => {
    const stop = new AbortController()
    const time = handTime()
    const ended = poll(
      {
        read: ({ signal }) =>
          new Promise<string>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
        settled: () => true,
        describe: () => '',
        firstMs: 1000,
        timeoutMs: 10_000,
        time,
      },
      { signal: stop.signal, log: NO_LOG, progress() {} },
    )
    stop.abort()
    expect(await ended).toMatchObject({ settled: false, late: false, error: { code: 'CANCELLED' } })
    expect(time.alarms()).toBe(0)
  })
})
