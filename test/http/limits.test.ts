import { createServer, get, type IncomingMessage, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { Identity } from '../../src/http/identity.ts'
import { createLimits } from '../../src/http/limits.ts'
import { answerRefusal, answerText, Refusal, refuse } from '../../src/http/refusal.ts'
import { createWindow } from '../../src/state/window.ts'

const as = (principal: string, tenant?: string): Identity => ({
  principal,
  place: tenant === undefined ? {} : { tenant },
  scopes: [],
  uses: ['mcp'],
})
const ALICE = as('alice')

function limiting(limits: { rate?: number; concurrency?: number } = {}) {
  let now = 0
  const refused = vi.fn()
  const window = createWindow(() => now)
  const admit = vi.fn(async (who: string, most: number) => window.admit(who, most))
  const numbers = { rate: 1000, concurrency: 2, connections: 10, ...limits }
  return {
    ...createdWith(),
    refused,
    admit,
    pass: (ms: number) => {
      now += ms
    },
  }
  function createdWith() {
    const made = createLimits({
      limits: numbers,
      backend: { admit },
      metrics: { refused },
      clock: () => now,
    })
    return { limits: made, enter: made.enter, identify: made.identify }
  }
}

async function refusal(work: Promise<unknown>): Promise<Refusal> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(Refusal)
  return error as Refusal
}

/** Serves on loopback with a listener, and asks it. */
async function serving(listener: RequestListener) {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const ask = (headers: Record<string, string> = {}) =>
    new Promise<{ status: number; headers: IncomingMessage['headers']; body: string }>((resolve, reject) => {
      get({ port, host: '127.0.0.1', headers, agent: false }, (res) => {
        let body = ''
        res.on('data', (part) => {
          body += part
        })
        res.on('end', () => resolve({ status: res.statusCode ?? 0, headers: res.headers, body }))
      }).on('error', reject)
    })
  return { port, ask }
}

describe('the rate', () => {
  test('of a caller ends in 429 with the time to wait, after which they are let in', async () => {
    const { enter, pass, refused } = limiting({ rate: 3 })
    for (let count = 0; count < 3; count++) (await enter(ALICE))()
    const { status, headers, problem } = await refusal(enter(ALICE))
    expect({ status, code: problem.code, retryable: problem.retryable }).toEqual({
      status: 429,
      code: 'RATE_LIMITED',
      retryable: true,
    })
    expect(headers['retry-after']).toBe(String(Math.ceil(problem.retry_after_ms! / 1000)))
    expect(refused.mock.calls).toEqual([['rate']])
    pass(problem.retry_after_ms! - 1000)
    await refusal(enter(ALICE))
    pass(1000)
    await enter(ALICE)
  })

  test('is each caller for themselves, also where two tenants have the same name for one', async () => {
    const { enter } = limiting({ rate: 1 })
    for (const who of [as('bob'), as('bob', 'acme'), as('bob', 'other'), ALICE]) (await enter(who))()
    await refusal(enter(as('bob', 'acme')))
  })

  test('that is used up takes no place of those that run', async () => {
    const { enter, limits } = limiting({ rate: 1 })
    ;(await enter(ALICE))()
    for (let count = 0; count < 5; count++)
      expect((await refusal(enter(ALICE))).problem.message).toContain('minute')
    expect(limits.open).toEqual({ calls: 0, streams: 0 })
  })

  test('that cannot be counted lets nobody in and keeps no place, of the caller nor of their tenant', async () => {
    const { enter, admit, limits } = limiting({ concurrency: 1 })
    for (let count = 0; count < 10; count++) {
      admit.mockRejectedValueOnce(new Error('gone'))
      await expect(enter(ALICE)).rejects.toThrow('gone')
    }
    expect(limits.open.calls).toBe(0)
    await enter(ALICE)
  })
})

describe('what runs at once', () => {
  test('is bounded for each caller, and a place that is left is free again', async () => {
    const { enter, refused } = limiting({ concurrency: 2 })
    const together = await Promise.allSettled([enter(ALICE), enter(ALICE), enter(ALICE)])
    expect(together.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected'])
    expect(refused.mock.calls).toEqual([['concurrency']])
    const { status, problem, headers } = await refusal(enter(ALICE))
    expect([status, problem.code, headers['retry-after']]).toEqual([429, 'RATE_LIMITED', '1'])
    await enter(as('bob'))
    const [first] = together
    if (first?.status === 'fulfilled') first.value()
    await enter(ALICE)
    await refusal(enter(ALICE))
  })

  test('leaving twice frees one place', async () => {
    const { enter, limits } = limiting({ concurrency: 2 })
    const [leave] = [await enter(ALICE), await enter(ALICE)]
    leave()
    leave()
    expect(limits.open.calls).toBe(1)
    await enter(ALICE)
    await refusal(enter(ALICE))
  })

  test('is bounded for all together at eight times that, with 503', async () => {
    const { enter } = limiting({ concurrency: 2 })
    for (let caller = 0; caller < 8; caller++)
      for (let call = 0; call < 2; call++) await enter(as(`caller ${caller}`, `tenant ${caller % 2}`))
    const { status, problem, headers } = await refusal(enter(as('one more', 'tenant 2')))
    expect([status, problem.code, headers['retry-after']]).toEqual([503, 'PROVIDER_UNAVAILABLE', '1'])
  })

  test.each([['acme'], [undefined]])('leaves a quarter of that to others than tenant %s', async (tenant) => {
    const { enter, refused } = limiting({ concurrency: 2 })
    const leaves: (() => void)[] = []
    for (let caller = 0; caller < 6; caller++)
      for (let call = 0; call < 2; call++) leaves.push(await enter(as(`caller ${caller}`, tenant)))
    const { status, problem, headers } = await refusal(enter(as('one more', tenant)))
    expect([status, problem.code, headers['retry-after']]).toEqual([503, 'PROVIDER_UNAVAILABLE', '1'])
    expect(refused.mock.calls).toEqual([['concurrency']])
    await enter(as('one more', tenant), { stream: true })
    for (const who of ['alice', 'bob']) for (let call = 0; call < 2; call++) await enter(as(who, 'other'))
    await refusal(enter(as('carol', 'other')))

    leaves[0]!()
    leaves[0]!()
    await enter(as('one more', tenant))
    await refusal(enter(as('one more', tenant)))
  })

  test('does not count streams, of which a caller has sixteen', async () => {
    const { enter, limits } = limiting({ concurrency: 1 })
    for (let count = 0; count < 16; count++) await enter(ALICE, { stream: true })
    expect((await refusal(enter(ALICE, { stream: true }))).status).toBe(429)
    await enter(ALICE)
    await enter(as('bob'), { stream: true })
    expect(limits.open).toEqual({ calls: 1, streams: 17 })
  })
})

describe('sign-ins', () => {
  const wrong = () => Promise.reject(refuse(401, ['UNAUTHENTICATED', 'No.', 'Sign in.']))

  async function door() {
    const { identify, pass, refused } = limiting()
    const { ask } = await serving((req, res) => {
      const good = req.headers.authorization === 'Bearer good'
      identify(req, async () => {
        return good ? 'alice' : wrong()
      }).then(
        (who) => answerText(res, 200, who, {}),
        (error: Refusal) => answerRefusal(res, error),
      )
    })
    return { ask, pass, refused }
  }

  test('that fail more than thirty times in a minute from one address are told to stop', async () => {
    const { ask, pass, refused } = await door()
    for (let count = 0; count < 30; count++)
      expect((await ask({ authorization: 'Bearer bad' })).status).toBe(401)
    const { status, headers, body } = await ask({ authorization: 'Bearer bad' })
    expect(status).toBe(429)
    expect(headers['retry-after']).toBe('60')
    expect(JSON.parse(body).error.data).toMatchObject({ code: 'RATE_LIMITED', retry_after_ms: 60_000 })
    expect(refused.mock.calls.flat()).toEqual(Array(31).fill('auth'))
    pass(60_000)
    expect((await ask({ authorization: 'Bearer bad' })).status).toBe(401)
  })

  test('of others from the same address are none the worse for it', async () => {
    const { ask } = await door()
    for (let count = 0; count < 40; count++) await ask({ authorization: 'Bearer bad' })
    expect(await ask({ authorization: 'Bearer good' })).toMatchObject({ status: 200, body: 'alice' })
  })

  test('without any credential are how clients ask where to sign in, and do not count', async () => {
    const { ask } = await door()
    for (let count = 0; count < 40; count++) expect((await ask()).status).toBe(401)
    expect((await ask({ authorization: 'Bearer good' })).status).toBe(200)
  })

  test('behind a proxy on this machine count for the address that the proxy saw, whatever the client claims', async () => {
    const { ask } = await door()
    let claims = 0
    const from = (address: string, token: string) =>
      ask({ 'x-forwarded-for': `10.0.0.${claims++}, ${address}`, authorization: `Bearer ${token}` })
    for (let count = 0; count < 30; count++) await from('203.0.113.7', 'bad')
    expect((await from('203.0.113.7', 'bad')).status).toBe(429)
    expect((await from('203.0.113.8', 'bad')).status).toBe(401)
  })
})
