import { expect, test } from 'vitest'
import { type Wait, waitFor } from '../../src/providers/wait.ts'
import { type ErrorCode, fail, type Problem, SnapshotError } from '../../src/snapshots/errors.ts'
import { handTime } from './http/hand-time.ts'

const NO_LOG = { debug() {}, info() {}, warn() {}, error() {} }
const trouble = (code: ErrorCode) => fail(code, 'It failed. Nothing was changed.', 'Call again.')

/** Waits for `ready` for two minutes. The last of what is seen is seen for ever. */
function wait(seen: (string | Error)[], options: Partial<Wait<string>> = {}, cancelled = false) {
  const time = handTime()
  const stop = new AbortController()
  time.onSleep = () => cancelled && stop.abort()
  let looks = 0
  return waitFor<string>(
    {
      what: 'The start',
      async read() {
        const state = seen[Math.min(looks++, seen.length - 1)]!
        if (state instanceof Error) throw state
        return state
      },
      settled: (state) => state === 'ready',
      describe: (state) => state,
      ...{ firstMs: 1000, timeoutMs: 120_000 },
      ...options,
    },
    { time, random: () => 1 },
    { signal: stop.signal, log: NO_LOG, operation: 'op_1', progress() {} },
  )
}

async function problemOf(work: Promise<unknown>): Promise<Problem> {
  const error = await work.catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(SnapshotError)
  return (error as SnapshotError).problem
}

const OPEN = {
  outcome: 'unknown',
  retryable: false,
  hint: 'snapshot_get with the id of the operation, or snapshot_status, finds out later what came of it.',
} as const

test('what is over in time is told as it was seen', async () => {
  expect(await wait(['pending', 'ready'])).toBe('ready')
})

test('what takes longer goes on: how it ends is not known', async () => {
  const message = 'The start takes more than 2 minutes, and goes on without being watched.'
  expect(await problemOf(wait(['pending']))).toMatchObject({ ...OPEN, code: 'TIMEOUT', message })
})

test('what nobody can see may go on all the same', async () => {
  const message = 'It failed. The start may go on all the same.'
  for (const code of ['NETWORK', 'FORBIDDEN'] as const)
    expect(await problemOf(wait(['pending', trouble(code)]))).toMatchObject({ ...OPEN, code, message })
})

test('a caller who goes away leaves it to the vendor', async () => {
  expect(await problemOf(wait(['pending'], {}, true))).toMatchObject({ ...OPEN, code: 'CANCELLED' })
})

test('what is not there any more means what the caller says', async () => {
  const missing = ['pending', trouble('NOT_FOUND')]
  expect(await wait(missing, { gone: () => 'gone' })).toBe('gone')
  expect(await problemOf(wait(missing))).toMatchObject({ ...OPEN, code: 'NOT_FOUND' })
})

test('what was not there only at the end of the time need not be gone', async () => {
  const missing = ['pending', 'pending', trouble('NOT_FOUND')]
  const problem = await problemOf(wait(missing, { gone: () => 'gone', timeoutMs: 2000 }))
  expect(problem).toMatchObject({ ...OPEN, code: 'NOT_FOUND' })
})
