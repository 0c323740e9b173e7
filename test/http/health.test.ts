import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createHealth } from '../../src/http/health.ts'
import { answerJson } from '../../src/http/refusal.ts'
import { createLog } from '../../src/log.ts'
import type { Service } from '../../src/snapshots/service-api.ts'
import { fakeService } from '../mcp/support/fake-service.ts'

type Ask = Service['status']

/** A server of which the state, a provider here and one of a vendor can be made to fail. */
async function world() {
  let now = 0
  let draining = false
  const lines: string[] = []
  const check = vi.fn(async () => {})
  const here = vi.fn(async () => true)
  const vendor = vi.fn(async () => true)
  const status: Ask = async ({ provider: name = '' }) => {
    const healthy = await (name === 'local' ? here() : vendor())
    const error = { code: 'FORBIDDEN', message: '/secret/place of secret-tenant' }
    return {
      providers: [{ name, capabilities: {}, healthy, ...(!healthy && { error }) }],
      policy: {},
      operations: [],
      undoable: [],
    }
  }
  const service = vi.fn(async () => fakeService({ status }))
  const { ready, stateIsUp } = createHealth({
    backend: { check },
    service,
    principal: 'somebody',
    local: ['local'],
    remote: ['morph'],
    clock: () => now,
    log: createLog({ level: 'debug', write: (line) => void lines.push(line) }),
  })
  const server = createServer(async (_req, res) => {
    const report = await ready(draining)
    answerJson(res, report.ready ? 200 : 503, report)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/readyz`
  return {
    check,
    here,
    vendor,
    service,
    stateIsUp,
    lines,
    pass: (ms: number) => {
      now += ms
    },
    drain: () => {
      draining = true
    },
    async ask() {
      const response = await fetch(url)
      const text = await response.text()
      expect(text).not.toContain('secret')
      return { status: response.status, ...JSON.parse(text) }
    },
  }
}

const GOOD = { status: 200, ready: true, state: 'ok', providers: { local: 'ok', morph: 'ok' } }

test('a server is ready while its state and what works on this machine are', async () => {
  const { ask } = await world()
  await vi.waitFor(async () => expect(await ask()).toEqual(GOOD))
})

test('a state that cannot be written makes it unready, for as long as that lasts', async () => {
  const { ask, check, pass, stateIsUp, lines } = await world()
  check.mockRejectedValue(new Error('redis at secret-host is gone'))
  expect(await ask()).toMatchObject({ status: 503, ready: false, state: 'failed' })
  expect(await stateIsUp()).toBe(false)
  expect(lines.join()).toContain('is gone')
  check.mockResolvedValue()
  pass(2000)
  expect(await ask()).toMatchObject({ status: 200, ready: true, state: 'ok' })
  expect(await stateIsUp()).toBe(true)
})

test.each([
  ['says that it is not well', async () => false],
  [
    'cannot be asked',
    async () => {
      throw new Error('/secret/place')
    },
  ],
])('a provider on this machine that %s makes it unready', async (_what, answer) => {
  const { ask, here, pass } = await world()
  here.mockImplementation(answer)
  expect(await ask()).toMatchObject({ status: 503, ready: false, providers: { local: 'failed' } })
  here.mockResolvedValue(true)
  pass(10_000)
  expect(await ask()).toMatchObject({ status: 200, ready: true, providers: { local: 'ok' } })
})

test('a vendor that is down is told, and is no reason to go elsewhere', async () => {
  const { ask, vendor } = await world()
  vendor.mockResolvedValue(false)
  await vi.waitFor(async () =>
    expect(await ask()).toEqual({ ...GOOD, providers: { local: 'ok', morph: 'failed' } }),
  )
})

test('a vendor that does not answer is not waited for', async () => {
  const { ask, vendor } = await world()
  vendor.mockReturnValue(new Promise(() => {}))
  expect(await ask()).toEqual({ ...GOOD, providers: { local: 'ok' } })
})

test('a state that does not answer counts as failed after two seconds', async () => {
  const { ask, check } = await world()
  check.mockReturnValue(new Promise(() => {}))
  expect(await ask()).toMatchObject({ status: 503, state: 'failed' })
})

test('however often it is asked, each is looked at no more often than it must be', async () => {
  const { ask, check, here, vendor, pass } = await world()
  const looks = () => [check, here, vendor].map(({ mock }) => mock.calls.length)
  await Promise.all(Array.from({ length: 20 }, ask))
  await vi.waitFor(() => expect(looks()).toEqual([1, 1, 1]))
  pass(1999)
  await ask()
  expect(looks()).toEqual([1, 1, 1])
  pass(1)
  await ask()
  expect(looks()).toEqual([2, 1, 1])
  pass(8000)
  await ask()
  expect(looks()).toEqual([3, 2, 1])
  pass(50_000)
  await ask()
  await vi.waitFor(() => expect(looks()).toEqual([4, 3, 2]))
})

test('a server that is about to end is not ready, however well it is', async () => {
  const { ask, drain } = await world()
  await vi.waitFor(async () => expect(await ask()).toEqual(GOOD))
  drain()
  expect(await ask()).toEqual({ ...GOOD, status: 503, ready: false })
})
