import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Identity } from '../../src/http/identity.ts'
import { lasting } from '../../src/http/lasting.ts'
import { refuse } from '../../src/http/refusal.ts'

const ANN: Identity = { principal: 'token:ann', place: {}, scopes: ['snapshots:read'], uses: ['mcp'] }
const refused = (status: number) => Promise.reject(refuse(status, ['UNAUTHENTICATED', 'No.', 'Sign in.']))

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** A stream that Ann has opened, and whether it is still there after a minute in which `now` is the answer of the gate. */
async function afterAMinute(now: () => Promise<Identity>) {
  const destroy = vi.fn()
  const res = Object.assign(new EventEmitter(), { destroy }) as unknown as ServerResponse
  lasting(res, ANN, now)
  await vi.advanceTimersByTimeAsync(60_000)
  return { res, isOpen: destroy.mock.calls.length === 0 }
}

describe('a stream', () => {
  test('stays open for as long as its credential is good', async () => {
    expect(await afterAMinute(async () => structuredClone(ANN))).toMatchObject({ isOpen: true })
  })

  test.each([401, 403])('ends when its credential is answered %s', async (status) => {
    expect(await afterAMinute(() => refused(status))).toMatchObject({ isOpen: false })
  })

  test('ends when its credential is good for something else by now', async () => {
    expect(await afterAMinute(async () => ({ ...ANN, scopes: [] }))).toMatchObject({ isOpen: false })
  })

  test('goes on while nobody can be told apart', async () => {
    expect(await afterAMinute(() => refused(503))).toMatchObject({ isOpen: true })
  })

  test('that has ended is not asked about any more', async () => {
    const ask = vi.fn(async () => ANN)
    const { res } = await afterAMinute(ask)
    res.emit('close')
    await vi.advanceTimersByTimeAsync(600_000)
    expect(ask).toHaveBeenCalledTimes(1)
  })
})
