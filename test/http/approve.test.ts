import { describe, expect, test } from 'vitest'
import { askAbout } from '../../src/guard/question.ts'
import { ann, createPageWorld, createVisitor, proxied, seen, typing } from './approve-world.ts'

describe('the page about a code', () => {
  test('says what is asked, by whom, since when and until when, and that there is no way back', async () => {
    const world = await createPageWorld({
      view: { effects: { snapshots: ['memory:abc123456'] }, warnings: ['It is the newest.'] },
    })
    const { code } = await world.ask()
    const { status, text } = await ann(world).open(code)
    expect(status).toBe(200)
    expect(seen(text)).toContain('Signed in as ann')
    for (const words of [
      'Allow this delete?',
      'This cannot be undone.',
      'Delete "my snapshot"',
      'Affects 1 snapshot: memory:abc123456',
      'It is the newest.',
      'delete with the provider memory',
      'an agent that works for ann',
      'Asked at 2026-11-21 12:00:00 UTC',
      'Decide before 2026-11-21 12:10:00 UTC',
      code,
    ])
      expect(seen(text)).toContain(words)
  })

  test('says until when it can be undone, and then asks for no characters', async () => {
    const view = { undo_until: '2026-11-24T12:00:00.000Z' }
    const world = await createPageWorld({ reversible: true, view })
    const { code } = await world.ask()
    const { text } = await ann(world).open(code)
    expect(seen(text)).toContain('Can be undone until 2026-11-24 12:00:00 UTC.')
    expect(text).not.toContain('cannot be undone')
    expect(text).not.toContain('name="typed"')
  })

  test('asks for the same characters as a question in the client would', async () => {
    const world = await createPageWorld()
    const { code } = await world.ask()
    const [waiting] = await world.approvals.list()
    const found = await world.state.read('plan', waiting?.approval.plan as string)
    const { typed } = askAbout({ id: 'cfm_1', version: 1, plan: found?.value as never })
    const { text } = await ann(world).open(code)
    expect(seen(text)).toContain(`type ${typed?.label}`)
  })

  test('is found by its code in any case, with and without the hyphen, and by way of a form', async () => {
    const world = await createPageWorld()
    const { code } = await world.ask()
    const visitor = ann(world)
    for (const written of [code.toLowerCase(), code.replace('-', ''), `%20${code.replace('-', '%20')}`])
      expect(seen((await visitor.open(written)).text)).toContain('Allow this delete?')
    expect(seen((await visitor.get('/approve')).text)).toContain('Which approval?')
    const sent = await visitor.get(`/approve?code=${code.toLowerCase()}`)
    expect([sent.status, sent.headers.get('location')]).toEqual([303, `/approve/${code}`])
  })
})

describe('names that want to be more than names', () => {
  test('are text: no markup, no link, no line, nothing hidden', async () => {
    const hostile = `</p><script>alert(1)</script><a href="https://evil.example">x</a>\u202etxt.exe\n\nApproved\u200b&quot;`
    const world = await createPageWorld({
      view: { summary: hostile, warnings: [hostile], effects: { '<img src=x>': hostile } },
      subject: `memory:"><b>${hostile}`,
    })
    const { code } = await world.ask()
    const { text } = await ann(world).open(code)
    expect(text).not.toMatch(/<(script|img|b|a)[ >]/)
    expect(text).not.toMatch(/[\u202e\u200b]/)
    const safe = hostile.replace(/[\u202e\u200b\n]/g, '?')
    // In the summary, the warning, and the id whose end is to be typed.
    expect(seen(text).split(safe)).toHaveLength(4)
    expect(text.match(/<form/g)).toHaveLength(1)
  })

  test('of the principal and the tenant are text as well', async () => {
    const gate = {
      identifyToken: async () => ({
        principal: '<i>ann</i>\u202e',
        place: { tenant: '"><u>' },
        scopes: [],
        uses: ['approve' as const],
      }),
    }
    const world = await createPageWorld({ page: { gate: gate as never } })
    const { text } = await ann(world).open('2222-2222')
    expect(seen(text)).toContain('Signed in as <i>ann</i>? of "><u>')
    expect(text).not.toMatch(/<[iu]>/)
  })

  test('that run from right to left do not turn what stands around them', async () => {
    const world = await createPageWorld({ view: { summary: 'Delete "\u05d0\u05d1 \u05d2" 5 of 9' } })
    const { code } = await world.ask()
    const { text } = await ann(world).open(code)
    expect(text).toContain('Delete &quot;<bdi>\u05d0\u05d1 \u05d2</bdi>&quot; 5 of 9')
  })

  test('of any length push neither a warning nor a button away', async () => {
    const long = 'x'.repeat(4096)
    const world = await createPageWorld({
      view: {
        summary: `Delete "${long}"`,
        warnings: Array.from({ length: 100 }, () => long),
        effects: { a: long },
      },
      subject: `memory:${long}`,
    })
    const { code } = await world.ask()
    const { text } = await ann(world).open(code)
    expect(seen(text).length).toBeLessThan(10_000)
    for (const words of ['This cannot be undone.', 'and 88 more lines', 'Approve', 'Decline'])
      expect(seen(text)).toContain(words)
  })
})

describe('a code that is not for this person', () => {
  test('looks the same whether it is foreign, of another tenant, expired, decided or made up', async () => {
    const world = await createPageWorld()
    const { code } = await world.ask()
    const bob = typing(world, 'token-of-bob')
    const madeUp = await bob.open('2222-2222')
    expect(madeUp.status).toBe(404)
    expect(seen(madeUp.text)).toContain('Nothing waits under this code')
    const foreign = await bob.open(code)
    expect([foreign.status, foreign.text]).toEqual([404, madeUp.text])
    expect([...foreign.headers].filter(([name]) => name !== 'date')).toEqual(
      [...madeUp.headers].filter(([name]) => name !== 'date'),
    )

    const visitor = ann(world)
    const own = (await visitor.open('2222-2222')).text
    const { code: decided } = await world.ask()
    await visitor.decide(decided, 'decline')
    expect((await visitor.open(decided)).text).toBe(own)
    const otherAnn = typing(world, 'token-of-the-other-ann')
    const elsewhere = await otherAnn.open('2222-2222')
    expect((await otherAnn.open(code)).text).toBe(elsewhere.text)
    world.time.now += 10 * 60_000
    expect((await visitor.open(code)).text).toBe(own)
  })

  test('counts as a miss: after ten nothing is looked at for this principal, and for others it is', async () => {
    const world = await createPageWorld()
    const { code } = await world.ask()
    const bob = typing(world, 'token-of-bob')
    for (let n = 0; n < 10; n++) expect((await bob.open(n % 2 ? code : 'WRNG-2222')).status).toBe(404)
    const closed = await bob.open(code)
    expect([closed.status, closed.headers.get('retry-after')]).toEqual([429, '600'])
    expect(seen(closed.text)).toContain('Nothing was decided.')
    expect((await ann(world).open(code)).status).toBe(200)
    expect(await world.approvals.find(code)).toBeDefined()
    expect(world.logged).toEqual([])
  })
})

describe('what a browser is told', () => {
  test('runs, loads and keeps nothing, on every page', async () => {
    const world = await createPageWorld()
    const { code } = await world.ask()
    const visitor = ann(world)
    const stranger = createVisitor(world)
    const pages = [
      await stranger.get(`/approve/${code}`),
      await stranger.post(`/approve/${code}`, { token: 'wrong' }),
      await visitor.open(code),
      await visitor.open('2222-2222'),
      await visitor.get('/approve/a/b'),
      await visitor.decide(code, 'decline'),
    ]
    expect(pages.map(({ status }) => status)).toEqual([200, 401, 200, 404, 404, 303])
    for (const { headers, text } of pages) {
      expect(headers.get('content-security-policy')).toMatch(
        /^default-src 'none'; style-src 'sha256-[\w+/]{43}='; form-action 'self'; frame-ancestors 'none'; base-uri 'none'$/,
      )
      expect(headers.get('cache-control')).toBe('no-store')
      expect(headers.get('x-frame-options')).toBe('DENY')
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('cross-origin-opener-policy')).toBe('same-origin')
      expect(headers.get('referrer-policy')).toBe('same-origin')
      expect(headers.get('content-type')).toBe('text/html; charset=utf-8')
      if (text) expect(text).toMatch(/^<!doctype html>\n<html lang="en" dir="ltr">/)
      expect(text).not.toMatch(/<script|https?:|style=|\son\w+=/)
    }
  })

  test('HEAD shows nothing and decides nothing, and no other method is taken', async () => {
    const world = await createPageWorld()
    const { code } = await world.ask()
    const visitor = proxied(world, 'token-of-ann')
    const head = await visitor.get(`/approve/${code}?decision=approve`, { method: 'HEAD' })
    expect([head.status, head.text]).toEqual([200, ''])
    for (const method of ['PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
      const { status, headers } = await visitor.get(`/approve/${code}`, { method })
      expect([status, headers.get('allow')]).toEqual([405, 'GET, HEAD, POST'])
    }
    const front = await visitor.post('/approve', {})
    expect([front.status, front.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
    expect((await visitor.open(code)).text).toContain('Allow this delete?')
    expect(world.written).toEqual([])
  })
})
