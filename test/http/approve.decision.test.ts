import { describe, expect, test } from 'vitest'
import { fail } from '../../src/snapshots/errors.ts'
import { granted } from '../guard/desk.ts'
import { refusal } from '../snapshots/world.ts'
import { ann, carriedIn, createPageWorld, proxied, seen, typing } from './approve-world.ts'

const ABOUT = {
  principal: 'ann',
  type: 'delete',
  provider: 'memory',
  by: 'page:ann',
  plan: expect.stringMatching(/^[0-9a-f]{16}$/),
}

/** The end of the id that the agent wants to delete. */
const TYPED = '123456'

describe('a decision', () => {
  test('approves with the last characters of the id, and the repeated call runs', async () => {
    const world = await createPageWorld()
    const { code, again } = await world.ask()
    const visitor = ann(world)
    const answer = await visitor.decide(code, 'approve', { typed: TYPED })
    expect(answer.status).toBe(303)
    const result = answer.headers.get('location') as string
    for (let reloads = 0; reloads < 3; reloads++) {
      const { status, text } = await visitor.get(result)
      expect(status).toBe(200)
      expect(seen(text)).toContain('Approved Your agent may now do this once. Tell it to repeat its call.')
    }
    expect(world.written).toEqual([{ event: 'approved', ...ABOUT }])
    expect(granted(await again()).passed).toMatchObject({ doors: ['approval'], approved_by: 'page:ann' })
  })

  test('declines without any characters, and the repeated call is told', async () => {
    const world = await createPageWorld()
    const { code, again } = await world.ask()
    const visitor = ann(world)
    const { headers } = await visitor.decide(code, 'decline')
    expect(seen((await visitor.get(headers.get('location') as string)).text)).toContain(
      'Declined Nothing was changed, and this will not be done.',
    )
    expect(world.written).toEqual([{ event: 'declined', ...ABOUT }])
    await refusal(again(), 'APPROVAL_DECLINED')
  })

  test('on what can be undone needs no characters', async () => {
    const world = await createPageWorld({ reversible: true })
    const { code, again } = await world.ask()
    expect((await ann(world).decide(code, 'approve')).status).toBe(303)
    granted(await again())
  })

  test.each(['', '12345', '1234567', ' 123456', 'abc123456', '654321'])(
    'with the characters "%s" is none: the form comes again with what was wrong',
    async (typed) => {
      const world = await createPageWorld()
      const { code, again } = await world.ask()
      const { status, text } = await ann(world).decide(code, 'approve', { typed })
      expect(status).toBe(422)
      expect(seen(text)).toContain('Those are not the last 6 characters. Nothing was decided')
      expect(text).toMatch(/<input id="typed"[^>]* aria-invalid="true" aria-describedby="typed-wrong">/)
      expect(text).toContain('id="typed-wrong"')
      expect(world.written).toEqual([])
      expect(await again()).toMatchObject({ reply: { status: 'approval_required' } })
    },
  )

  test('can be made with the form that came again', async () => {
    const world = await createPageWorld()
    const { code, again } = await world.ask()
    const visitor = ann(world)
    const wrong = await visitor.decide(code, 'approve', { typed: 'wrong!' })
    const fields = { form: carriedIn(wrong.text), decision: 'approve', typed: TYPED }
    expect((await visitor.post(`/approve/${code}`, fields)).status).toBe(303)
    granted(await again())
  })

  test('cannot be had by trying: after ten wrong endings the right one is not looked at', async () => {
    const world = await createPageWorld()
    const { code } = await world.ask()
    const visitor = ann(world)
    const form = await visitor.formToken(code)
    const approve = (typed: string) => visitor.post(`/approve/${code}`, { form, decision: 'approve', typed })
    for (let n = 0; n < 10; n++) expect((await approve(`00000${n}`)).status).toBe(422)
    expect((await approve(TYPED)).status).toBe(429)
    expect(world.written).toEqual([])
  })

  test('in two tabs counts once, and the second is told that nothing waits', async () => {
    const world = await createPageWorld()
    const { code, again } = await world.ask()
    const visitor = ann(world)
    const form = await visitor.formToken(code)
    const other = await visitor.formToken(code)
    expect(other).not.toBe(form)
    const send = (fields: Record<string, string>) => visitor.post(`/approve/${code}`, fields)
    expect((await send({ form, decision: 'decline' })).status).toBe(303)
    for (const fields of [
      { form: other, decision: 'approve', typed: TYPED },
      { form, decision: 'decline' },
    ]) {
      const late = await send(fields)
      expect(late.status).toBe(404)
      expect(seen(late.text)).toContain('Nothing waits under this code')
    }
    expect(world.written).toEqual([{ event: 'declined', ...ABOUT }])
    await refusal(again(), 'APPROVAL_DECLINED')
  })

  test('in one tab leaves the form of another code in another tab as it was', async () => {
    const world = await createPageWorld()
    const [one, two] = [await world.ask(), await world.ask()]
    const visitor = ann(world)
    const forms = [await visitor.formToken(one.code), await visitor.formToken(two.code)] as const
    const decline = (code: string, form: string) =>
      visitor.post(`/approve/${code}`, { form, decision: 'decline' })
    expect((await decline(one.code, forms[0])).status).toBe(303)
    expect((await decline(two.code, forms[1])).status).toBe(303)
  })

  test('that somebody else was quicker with does not stand alone in the audit log', async () => {
    const world = await createPageWorld({
      audit: (audit) => ({
        async append(event) {
          await audit.append(event)
          // Between the line and the record, as another replica would.
          if (event.event === 'approved') await world.approvals.decline(code, 'terminal:ada')
        },
      }),
    })
    const { code, again } = await world.ask()
    const answer = await ann(world).decide(code, 'approve', { typed: TYPED })
    expect([answer.status, seen(answer.text)]).toEqual([
      404,
      expect.stringContaining('Nothing waits under this code'),
    ])
    expect(world.written).toEqual([
      { event: 'approved', ...ABOUT },
      { event: 'refused', ...ABOUT, code: 'NOT_FOUND' },
    ])
    await refusal(again(), 'APPROVAL_DECLINED')
  })

  test('of a record without the id, from an older version, can only be no', async () => {
    const world = await createPageWorld()
    const { code, again } = await world.ask()
    const id = code.replace('-', '')
    const { value, version } = (await world.state.read('approval', id))!
    const { subject: _, ...older } = value as Record<string, unknown>
    await world.state.write('approval', id, older, version)
    const visitor = ann(world)
    const { text } = await visitor.open(code)
    expect(text).not.toContain('value="approve"')
    expect((await visitor.decide(code, 'approve', { typed: '' })).status).toBe(422)
    expect((await visitor.decide(code, 'decline')).status).toBe(303)
    await refusal(again(), 'APPROVAL_DECLINED')
  })

  test('is told for ten minutes, to nobody else who says who they are, and by no link that was made up', async () => {
    const world = await createPageWorld()
    const { code } = await world.ask()
    const { code: another } = await world.ask()
    const visitor = ann(world)
    const { headers } = await visitor.decide(code, 'approve', { typed: TYPED })
    const [, receipt] = (headers.get('location') as string).split('?')
    const bob = typing(world, 'token-of-bob')
    expect((await bob.open(`${code}?${receipt}`)).status).toBe(404)
    expect((await proxied(world, 'token-of-bob').get(`/approve/${code}?${receipt}`)).status).toBe(404)
    const anns = proxied(world, 'token-of-ann')
    expect(seen((await anns.get(`/approve/${code}?${receipt}`)).text)).toContain('Signed in as ann Approved')
    const form = await visitor.formToken(another)
    for (const address of [`${another}?${receipt}`, `${code}?decided=approved`, `${code}?decided=${form}`])
      expect((await visitor.get(`/approve/${address}`)).text).toContain('name="token"')
    for (const address of [`${another}?${receipt}`, `${another}?decided=approved`])
      expect((await anns.get(`/approve/${address}`)).text).toContain('Allow this delete?')
    world.time.now += 600_000
    expect((await visitor.get(`/approve/${code}?${receipt}`)).text).toContain('name="token"')
  })
})

describe('when something is not there', () => {
  const away = (outcome: 'not_started' | 'unknown') =>
    fail('PROVIDER_UNAVAILABLE', 'The shared state cannot be reached.', 'Wait.', {
      outcome,
      retry_after_ms: 2000,
    })

  test('looking at a code answers that nothing was decided', async () => {
    const error = away('unknown')
    const world = await createPageWorld({
      approvals: (part) => ({ ...part, find: () => Promise.reject(error) }),
    })
    const { status, headers, text } = await ann(world).open('ABCD-EFGH')
    expect([status, headers.get('retry-after')]).toEqual([503, '2'])
    expect(seen(text)).toContain('Nothing was decided. The shared state cannot be reached. Wait.')
    expect(world.logged).toMatchObject([{ cause: error }])
  })

  test('a decision without its line in the audit log is none', async () => {
    const world = await createPageWorld({ audit: () => ({ append: () => Promise.reject(away('unknown')) }) })
    const { code, again } = await world.ask()
    const { status, text } = await ann(world).decide(code, 'approve', { typed: TYPED })
    expect(status).toBe(503)
    expect(seen(text)).toContain('Nothing was decided.')
    expect(await again()).toMatchObject({ reply: { status: 'approval_required' } })
  })

  test('a decision of which nobody knows whether it was recorded is not called none', async () => {
    const world = await createPageWorld({
      approvals: (part) => {
        const gone = () => Promise.reject(away('unknown'))
        return { ...part, approve: gone, decision: gone }
      },
    })
    const { code } = await world.ask()
    const { status, text } = await ann(world).decide(code, 'approve', { typed: TYPED })
    expect(status).toBe(503)
    expect(seen(text)).toContain('It is not known whether your decision was recorded.')
    expect(text).not.toContain('Nothing was decided')
    expect(world.written).toMatchObject([
      { event: 'approved' },
      { event: 'approved', code: 'PROVIDER_UNAVAILABLE', outcome: 'unknown' },
    ])
  })

  test('what nobody foresaw is for the log, not for the page', async () => {
    const error = new Error('/home/ann/secret')
    const world = await createPageWorld({ page: { approvals: () => Promise.reject(error) } })
    const { status, text } = await ann(world).open('ABCD-EFGH')
    expect([status, seen(text)]).toEqual([
      500,
      expect.stringContaining('The server failed Nothing was decided. The server log has the details.'),
    ])
    expect(text).not.toContain('secret')
    expect(world.logged).toEqual([error])
  })
})
