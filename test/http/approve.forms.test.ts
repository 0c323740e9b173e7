import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import {
  ann,
  createPageWorld,
  createVisitor,
  type PageWorld,
  proxied,
  seen,
  typing,
} from './approve-world.ts'

const YES = { decision: 'approve', typed: '123456' }

async function undecided(world: PageWorld, again: () => Promise<unknown>) {
  expect(world.written).toEqual([])
  expect(await again()).toMatchObject({ reply: { status: 'approval_required' } })
}

/** Ann who types her token, and ann by a header. */
const bothWays = (world: PageWorld) => [ann(world), proxied(world, 'token-of-ann')]

describe('a form that was not made for this decides nothing', () => {
  test('without what we gave it, with what another code got, or with what was changed', async () => {
    const world = await createPageWorld()
    const { code, again } = await world.ask()
    const { code: another } = await world.ask()
    for (const visitor of bothWays(world)) {
      const good = await visitor.formToken(code)
      const middle = good.length / 2
      const changed = good.slice(0, middle) + (good[middle] === 'A' ? 'B' : 'A') + good.slice(middle + 1)
      const wrong = ['', 'a.b', 'A'.repeat(38), good.slice(0, -8), changed, await visitor.formToken(another)]
      for (const form of [{}, ...wrong.map((each) => ({ form: each }))]) {
        const answer = await visitor.post(`/approve/${code}`, { ...YES, ...form })
        expect(answer.status).toBe(403)
        expect(seen(answer.text)).toContain('Nothing was decided')
      }
    }
    expect(world.logged).toEqual([])
    await undecided(world, again)
  })

  test.each(['typed', 'proxied'] as const)(
    'with what another tenant got for the same code and name (%s)',
    async (way) => {
      const world = await createPageWorld()
      const { code, again } = await world.ask()
      const id = code.replace('-', '')
      await world.other.state.write('approval', id, (await world.state.read('approval', id))?.value, 0)
      const other = { typed: typing, proxied }[way](world, 'token-of-the-other-ann')
      const form = await other.formToken(code)
      expect(form).not.toBe('')
      const anns = proxied(world, 'token-of-ann')
      expect((await anns.post(`/approve/${code}`, { ...YES, form })).status).toBe(403)
      await undecided(world, again)
    },
  )

  test('for somebody else to whom the token was given since', async () => {
    const world = await createPageWorld()
    const { code, again } = await world.ask()
    const form = await ann(world).formToken(code)
    world.tokens['token-of-ann'] = world.tokens['token-of-bob']!
    expect((await ann(world).post(`/approve/${code}`, { ...YES, form })).status).toBe(403)
    await undecided(world, again)
  })

  test('with the news of another decision', async () => {
    const world = await createPageWorld()
    const { code, again } = await world.ask()
    for (const visitor of bothWays(world)) {
      const { headers } = await visitor.decide((await world.ask()).code, 'decline')
      const form = new URL(headers.get('location') as string, world.url).searchParams.get('decided') as string
      world.written.length = 0
      expect((await visitor.post(`/approve/${code}`, { ...YES, form })).status).toBe(403)
    }
    await undecided(world, again)
  })

  test('sealed with another key', async () => {
    const world = await createPageWorld()
    const { code, again } = await world.ask()
    const elsewhere = await createPageWorld({ page: { key: async () => new Uint8Array(32).fill(8) } })
    const id = code.replace('-', '')
    await elsewhere.state.write('approval', id, (await world.state.read('approval', id))?.value, 0)
    const form = await ann(elsewhere).formToken(code)
    expect(form).not.toBe('')
    expect((await ann(world).post(`/approve/${code}`, { ...YES, form })).status).toBe(403)
    await undecided(world, again)
  })

  test('after its ten minutes', async () => {
    for (const [at, words] of [
      'The form is too old, or was not made here',
      'The form is too old, or belongs',
    ].entries()) {
      const world = await createPageWorld()
      const { code } = await world.ask()
      const visitor = bothWays(world)[at]!
      const form = await visitor.formToken(code)
      world.time.now += 600_000
      const { status, text } = await visitor.post(`/approve/${code}`, { ...YES, form })
      expect([status, seen(text)]).toEqual([403, expect.stringContaining(words)])
      expect(world.written).toEqual([])
    }
  })

  test('once the token is taken back with which it was opened', async () => {
    const world = await createPageWorld()
    const { code, again } = await world.ask()
    const visitor = ann(world)
    const form = await visitor.formToken(code)
    delete world.tokens['token-of-ann']
    const { status, text } = await visitor.post(`/approve/${code}`, { ...YES, form })
    expect([status, seen(text)]).toEqual([401, expect.stringContaining('Nothing was decided.')])
    expect(text).toContain('name="token"')
    await undecided(world, again)
  })

  test('from another web page, even with everything right', async () => {
    const world = await createPageWorld()
    const { code, again } = await world.ask()
    for (const visitor of bothWays(world)) {
      const form = await visitor.formToken(code)
      for (const headers of [
        { 'sec-fetch-site': 'cross-site' },
        { 'sec-fetch-site': 'same-site' },
        { 'sec-fetch-site': 'cross-site', origin: 'https://friend.example' },
        { origin: 'https://evil.example' },
        { origin: `http://127.0.0.1:${world.port + 1}` },
        { origin: 'null' },
      ])
        expect((await visitor.post(`/approve/${code}`, { ...YES, form }, headers as never)).status).toBe(403)
    }
    await undecided(world, again)
  })

  test('from who is in the same browser, but does not know what it carries', async () => {
    const world = await createPageWorld()
    const { code, again } = await world.ask()
    await ann(world).open(code)
    const { status, text } = await createVisitor(world).post(`/approve/${code}`, YES)
    expect([status, seen(text)]).toEqual([403, expect.stringContaining('Nothing was decided: sign in')])
    expect(text).toContain(`action="/approve/${code}"`)
    await undecided(world, again)
  })

  test('that says neither yes nor no', async () => {
    const world = await createPageWorld()
    const { code, again } = await world.ask()
    const visitor = ann(world)
    for (const decision of ['', 'Approve', 'yes'])
      expect((await visitor.decide(code, decision, { typed: '123456' })).status).toBe(400)
    await undecided(world, again)
  })
})

describe('a form as no browser sends it', () => {
  test.each(['text/plain', 'application/json', 'multipart/form-data; boundary=x', undefined])(
    'is not read: %s',
    async (type) => {
      const world = await createPageWorld()
      const { code, again } = await world.ask()
      const visitor = ann(world)
      const form = await visitor.formToken(code)
      const body = Buffer.from(new URLSearchParams({ ...YES, form }).toString())
      const headers: Record<string, string> = type === undefined ? {} : { 'content-type': type }
      const answer = await visitor.get(`/approve/${code}`, { method: 'POST', body, headers })
      expect(answer.status).toBe(415)
      await undecided(world, again)
    },
  )

  test('takes the longest token there may be, and decides with it', async () => {
    const world = await createPageWorld()
    const { code } = await world.ask()
    const token = 'x'.repeat(4096)
    world.tokens[token] = world.tokens['token-of-ann']!
    expect((await typing(world, token).decide(code, 'decline')).status).toBe(303)
  })

  /** What the server answers before it hangs up. `parts` are sent as they are. */
  function raw({ port }: PageWorld, headers: string[], parts: string[]): Promise<string> {
    const type = 'content-type: application/x-www-form-urlencoded'
    const head = ['POST /approve/ABCD-EFGH HTTP/1.1', `host: 127.0.0.1:${port}`, type, ...headers, '', '']
    return new Promise((resolve, reject) => {
      let answer = ''
      const socket = connect(port, '127.0.0.1', () => {
        for (const part of [head.join('\r\n'), ...parts]) socket.write(part)
      })
      socket.on('data', (data) => {
        answer += data
      })
      socket.on('close', () => resolve(answer))
      socket.on('error', reject)
    })
  }

  test('is not read when it says that it is too long', async () => {
    const answer = await raw(await createPageWorld(), ['content-length: 8193'], [])
    expect(answer).toMatch(/^HTTP\/1\.1 413 /)
    expect(answer).toContain('longer than 8192 bytes')
  })

  test('is read no further than that when it does not say so', async () => {
    const chunk = `2000\r\n${'x'.repeat(8192)}\r\n`
    const answer = await raw(await createPageWorld(), ['transfer-encoding: chunked'], [chunk, chunk])
    expect(answer).toMatch(/^HTTP\/1\.1 413 /)
  })

  test('is waited for as long as it may take, and no longer', async () => {
    const world = await createPageWorld({ page: { patienceMs: 50 } })
    const answer = await raw(world, ['content-length: 30'], ['token=tok'])
    expect(answer).toMatch(/^HTTP\/1\.1 408 /)
    expect(answer).toContain('did not arrive in time')
  })

  test('that is broken off harms nobody', async () => {
    const world = await createPageWorld()
    await new Promise<void>((resolve) => {
      const socket = connect(world.port, '127.0.0.1', () => {
        socket.write('POST /approve/ABCD-EFGH HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 30\r\n')
        socket.write('content-type: application/x-www-form-urlencoded\r\n\r\ntoken=', () => socket.destroy())
      })
      socket.on('close', () => resolve())
    })
    expect((await ann(world).open('ABCD-EFGH')).status).toBe(404)
    expect(world.logged).toEqual([])
  })
})
