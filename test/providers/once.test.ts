import { expect, test } from 'vitest'
import { lookFor, sendOnce } from '../../src/providers/once.ts'
import { type ErrorCode, fail, type Problem, SnapshotError } from '../../src/snapshots/errors.ts'
import type { Context } from '../../src/snapshots/provider.ts'
import { handTime } from './http/hand-time.ts'

const NO_LOG = { debug() {}, info() {}, warn() {}, error() {} }

type Look = string | undefined | Error | 'slow' | 'hangs'

const outage = () => fail('NETWORK', 'Nobody could be reached. Nothing was changed.', 'Call again.')
const lost = (code: ErrorCode = 'NETWORK') =>
  fail(code, 'The answer was lost. It is not known whether it took effect.', 'Look.', {
    outcome: 'unknown',
    provider: 'acme',
    request_id: 'r1',
  })

/** A request that ends with this error, and what the looks for its result see: the last one for ever. */
function search(looks: Look[], error: Error = lost()) {
  const time = handTime()
  const stop = new AbortController()
  const ctx: Context = { signal: stop.signal, progress() {}, log: NO_LOG, operation: 'op_1' }
  const done = { sent: 0, looks: 0 }
  const once = {
    async send(): Promise<string> {
      done.sent++
      throw error
    },
    async find(call: { signal: AbortSignal }) {
      const seen = looks[Math.min(done.looks++, looks.length - 1)]
      if (seen === 'slow') time.pass(25_000)
      if (seen instanceof Error || seen === 'slow') throw seen === 'slow' ? outage() : seen
      if (seen !== 'hangs') return seen
      return new Promise<undefined>((_, reject) => {
        call.signal.addEventListener('abort', () => reject(call.signal.reason))
      })
    },
  }
  const clock = { time, random: () => 1 }
  return {
    time,
    done,
    cancel: () => stop.abort(),
    send: () => sendOnce(once, clock, ctx),
    look: () => lookFor(once.find, clock, ctx),
  }
}

async function problemOf(work: Promise<unknown>): Promise<Problem> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(SnapshotError)
  return (error as SnapshotError).problem
}

const OPEN = { outcome: 'unknown', retryable: false } as const

test('what is answered is not looked for, nor what is known to have been refused', async () => {
  const refusal = fail('FORBIDDEN', 'no', 'hint')
  const refused = search(['there'], refusal)
  await expect(refused.send()).rejects.toBe(refusal)
  expect(refused.done).toEqual({ sent: 1, looks: 0 })
})

test('what came of a lost answer is taken for it, also when it shows late or after an outage', async () => {
  for (const looks of [
    ['there'],
    [undefined, undefined, undefined, 'there'],
    [outage(), outage(), 'there'],
  ]) {
    const its = search(looks)
    expect(await its.send()).toBe('there')
    expect(its.done).toEqual({ sent: 1, looks: looks.length })
  }
})

test('when nothing shows for a minute, nothing came of it, and it may be sent again', async () => {
  const its = search([undefined])
  expect(await problemOf(its.send())).toEqual({
    code: 'NETWORK',
    message: 'The answer was lost. It was looked for since, and nothing came of it.',
    hint: 'Call again.',
    outcome: 'not_started',
    retryable: true,
    provider: 'acme',
    request_id: 'r1',
  })
  expect(its.time.slept.reduce((sum, ms) => sum + ms, 0)).toBeGreaterThanOrEqual(60_000)
  expect(await search([undefined]).look()).toBeUndefined()
})

const BLIND: [what: string, looks: Look[]][] = [
  ['no look is answered', [outage()]],
  ['every look takes long and is not answered', ['slow']],
  ['an early look is answered, and none after it', [undefined, outage()]],
  ['only the last look is not answered', [...Array(8).fill(undefined), outage()]],
]

test.each(BLIND)('when %s, it stays open', async (_what, looks) => {
  for (const way of ['send', 'look'] as const) {
    const problem = await problemOf(search(looks)[way]())
    expect(problem).toMatchObject({ ...OPEN, code: 'NETWORK' })
    expect(problem.message).toBe('Nobody could be reached. It is not known whether the request took effect.')
    expect(problem.hint).toContain('snapshot_get')
  }
})

test('when the last look is cut off by the end of the time, it stays open', async () => {
  for (const way of ['send', 'look'] as const) {
    const its = search(['hangs'])
    const work = problemOf(its[way]())
    await expect.poll(() => its.done.looks).toBe(1)
    its.time.pass(65_000)
    expect(await work).toMatchObject({ ...OPEN, code: 'TIMEOUT' })
  }
})

test('when the caller does not want to wait, it stays open', async () => {
  for (const way of ['send', 'look'] as const) {
    const its = search([undefined])
    its.time.onSleep = its.cancel
    expect(await problemOf(its[way]())).toMatchObject({ ...OPEN, code: 'CANCELLED' })
  }
  const gone = search(['there'], lost('CANCELLED'))
  expect(await problemOf(gone.send())).toMatchObject({ code: 'CANCELLED', outcome: 'unknown' })
  expect(gone.done.looks).toBe(0)
})
