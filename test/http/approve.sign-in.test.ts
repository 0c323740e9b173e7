import { describe, expect, test } from 'vitest'
import { ann, carriedIn, createPageWorld, createVisitor, proxied, seen, typing } from './approve-world.ts'

describe('who is not signed in', () => {
  test('gets a form for a token, and is told nothing about the code', async () => {
    const world = await createPageWorld()
    const { code } = await world.ask()
    const stranger = createVisitor(world)
    const { status, text } = await stranger.get(`/approve/${code}`)
    expect(status).toBe(200)
    expect(text).toMatch(/<input id="token" name="token" type="password" autocomplete="off"/)
    expect((await stranger.get('/approve/2222-2222')).text).toBe(text.replace(code, '2222-2222'))
  })

  test('signs in and sees the plan, with nothing that the browser would send by itself', async () => {
    const world = await createPageWorld()
    const { code } = await world.ask()
    const { status, headers, text } = await typing(world, ' token-of-ann ').open(code)
    expect(status).toBe(200)
    expect(seen(text)).toContain('Signed in as ann')
    expect(text).toContain('Allow this delete?')
    expect(headers.get('set-cookie')).toBeNull()
    expect((await createVisitor(world).get(`/approve/${code}`)).text).toContain('name="token"')
  })

  test('is asked for a code without one, and led nowhere else', async () => {
    const visitor = createVisitor(await createPageWorld())
    for (const path of ['/approve', '/approve/', '/approve/%ff', '/approve?code='])
      expect((await visitor.get(path)).text).toContain('Which approval?')
    for (const code of ['//evil.example', 'https://evil.example/', '\r\nset-cookie: a=b']) {
      const { headers } = await visitor.get(`/approve?code=${encodeURIComponent(code)}`)
      expect(headers.get('location')).toMatch(/^\/approve\/[A-Z0-9]+-[A-Z0-9]+$/)
    }
  })

  test.each([
    ['wrong', 401, 'This token is not taken here'],
    ['', 401, 'This token is not taken here'],
    ['for-agents', 403, 'The token is not for this <page>. Use another.'],
  ])('with the token "%s" gets the form again, and what was wrong', async (token, status, words) => {
    const answer = await typing(await createPageWorld(), token).open('ABCDEFGH')
    expect(answer.status).toBe(status)
    expect(answer.headers.get('www-authenticate')).toBe(status === 401 ? 'Bearer realm="snapshots"' : null)
    expect(seen(answer.text)).toContain(words)
    expect(answer.text).toMatch(/aria-invalid="true" aria-describedby="token-wrong"/)
    expect(answer.text).toContain('id="token-wrong"')
    expect(answer.text).toContain('action="/approve/ABCD-EFGH"')
    if (token) expect(answer.text).not.toContain(`"${token}"`)
  })

  test('is told when nobody can be told apart, and how long to wait', async () => {
    const answer = await typing(await createPageWorld(), 'nobody-knows').open('ABCD-EFGH')
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '3'])
    expect(seen(answer.text)).toContain('The issuer is away.')
  })

  test('is told to stop after thirty tokens that are not taken, and let in with a good one', async () => {
    const world = await createPageWorld()
    const { code } = await world.ask()
    for (let n = 0; n < 30; n++) expect((await typing(world, `wrong ${n}`).open(code)).status).toBe(401)
    const stopped = await typing(world, 'wrong').open(code)
    expect([stopped.status, stopped.headers.get('retry-after')]).toEqual([429, '60'])
    expect((await proxied(world, 'wrong').open(code)).status).toBe(429)
    expect((await ann(world).open(code)).status).toBe(200)
  })

  test('cannot be signed in by another web page', async () => {
    const world = await createPageWorld()
    const { code } = await world.ask()
    for (const headers of [
      { 'sec-fetch-site': 'cross-site', origin: 'https://friend.example' },
      { 'sec-fetch-site': 'same-site' },
      { origin: 'null' },
    ]) {
      const answer = await createVisitor(world, { headers }).post(`/approve/${code}`, {
        token: 'token-of-ann',
      })
      expect(answer.status).toBe(403)
      expect(carriedIn(answer.text)).toBe('')
    }
  })
})

describe('what the form of a plan carries', () => {
  test('is no token that could be read, and is never the same twice', async () => {
    const world = await createPageWorld()
    const { code } = await world.ask()
    const texts = [await ann(world).open(code), await ann(world).open(code)].map(({ text }) => text)
    expect(carriedIn(texts[0]!)).not.toBe(carriedIn(texts[1]!))
    for (const text of texts) {
      const carried = carriedIn(text)
      expect(carried).toMatch(/^[\w-]{100,400}$/)
      for (const read of [text, Buffer.from(carried, 'base64url').toString('latin1')])
        expect(read).not.toContain('token-of-ann')
    }
  })

  test('is good at every replica', async () => {
    const [one, two] = [await createPageWorld(), await createPageWorld()]
    const { code } = await one.ask()
    const id = code.replace('-', '')
    await two.state.write('approval', id, (await one.state.read('approval', id))?.value, 0)
    const form = await ann(one).formToken(code)
    const { status } = await createVisitor(two).post(`/approve/${code}`, { form, decision: 'decline' })
    expect(status).toBe(303)
  })
})

describe('a bearer token in the header, as a proxy may add it', () => {
  test('signs in at once, and its form is worth nothing without it', async () => {
    const world = await createPageWorld()
    const { code } = await world.ask()
    const { status, text } = await proxied(world, 'token-of-ann').get(`/approve/${code}`)
    expect([status, seen(text)]).toEqual([200, expect.stringContaining('Signed in as ann')])
    const fields = { form: carriedIn(text), decision: 'decline' }
    expect((await createVisitor(world).post(`/approve/${code}`, fields)).status).toBe(403)
    expect(world.written).toEqual([])
  })

  test('comes before one that is typed', async () => {
    const world = await createPageWorld()
    const { code } = await world.ask()
    const { status } = await proxied(world, 'token-of-bob').post(`/approve/${code}`, {
      token: 'token-of-ann',
    })
    expect(status).toBe(403)
  })

  test('that is no good is refused as the gate does it, in a page', async () => {
    const { status, headers, text } = await proxied(await createPageWorld(), 'no').get('/approve/ABCD-EFGH')
    expect([status, headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="snapshots"'])
    expect(seen(text)).toContain('Not signed in')
  })

  test('is none when it is the password of a proxy', async () => {
    const headers = { authorization: 'Basic YW5uOmFubg==' }
    const visitor = createVisitor(await createPageWorld(), { headers })
    expect((await visitor.get('/approve/ABCD-EFGH')).text).toContain('name="token"')
  })
})
