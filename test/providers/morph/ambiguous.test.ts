import { describe, expect, test } from 'vitest'
import { fail } from '../../../src/snapshots/errors.ts'
import type { Fault } from '../../emulators/http.ts'
import type { Trouble } from '../../support/chaos-proxy.ts'
import { image, native, type World, world } from './world.ts'

const SOURCES = [
  ['an image', 'POST /snapshot', () => image()],
  ['an instance', 'POST /instance/*/snapshot', ({ source }: World) => source],
] as const

const html = { status: 502, raw: '<html>bad gateway</html>', headers: { 'content-type': 'text/html' } }
const LOST: [what: string, how: Fault['how']][] = [
  ['a reset connection', 'reset'],
  ['half an answer', 'truncate'],
  ['502 and a page', { answer: html }],
  ['500', { answer: { status: 500, body: { detail: 'oops' } } }],
  ['503', { answer: { status: 503, body: { detail: 'later' } } }],
  ['something that is no snapshot', { answer: { status: 200, body: { ok: true } } }],
]

describe.each(SOURCES)('a create of %s', (_what, route, sourceOf) => {
  test.each(LOST)('that took effect and ends with %s makes one, which becomes ready', async (_name, how) => {
    const its = await world()
    its.trouble(route, how, 'after')
    const made = await its.create({ source: sourceOf(its), name: 'lost and found' })
    expect(made).toMatchObject({ state: 'ready', name: 'lost and found' })
    expect(its.shelf().map(({ id }) => id)).toEqual([native(made)])
    expect([its.asked(route), its.morph.faults]).toEqual([1, []])
  })

  test.each(LOST)('that had no effect and ends with %s is not sent again', async (_name, how) => {
    const its = await world()
    its.trouble(route, how)
    const lost = its.create({ source: sourceOf(its) }).catch((error: unknown) => error)
    expect(await lost).toMatchObject({ problem: { outcome: 'not_started', retryable: true } })
    expect([its.asked(route), its.shelf()]).toEqual([1, []])
    // It was looked for as long as a vendor may take to show what it has.
    expect(its.time.slept.reduce((sum, ms) => sum + ms, 0)).toBeGreaterThan(59_000)
  })

  test('that is never answered is looked for when its time is over', async () => {
    const its = await world()
    its.trouble(route, 'hang', 'after')
    const creating = its.create({ source: sourceOf(its) })
    await expect.poll(() => its.shelf().length).toBe(1)
    its.time.pass(11 * 60_000)
    expect(await creating).toMatchObject({ state: 'ready' })
    expect([its.asked(route), its.shelf().length]).toEqual([1, 1])
  })

  test('that arrives twice makes one', async () => {
    const its = await world()
    its.proxy.troubles.push({ how: 'duplicate' })
    const made = await its.create({ source: sourceOf(its) })
    expect([its.asked(route), its.shelf().length, made.state]).toEqual([2, 1, 'ready'])
  })

  test('that is refused for its number is sent again', async () => {
    const its = await world()
    const headers = { 'retry-after': '3' }
    its.trouble(route, { answer: { status: 429, body: { detail: 'slow down' }, headers } })
    expect(await its.create({ source: sourceOf(its) })).toMatchObject({ state: 'ready' })
    expect(its.time.slept[0]).toBeGreaterThanOrEqual(3000)
    expect(its.shelf()).toHaveLength(1)
  })
})

const CUTS: Trouble[] = [
  { how: 'reset request', after: 0 },
  { how: 'reset request', after: 60 },
  { how: 'reset answer', after: 0 },
  { how: 'reset answer', after: 40 },
  { how: 'truncate', after: 30 },
]

test.each(CUTS)(
  'a connection that ends by $how after $after bytes leaves one snapshot or none',
  async (cut) => {
    const { proxy, create, shelf, asked } = await world()
    proxy.troubles.push(cut)
    const ended = await create().catch((error: unknown) => error)
    if (shelf().length > 0) expect(ended).toMatchObject({ state: 'ready' })
    else expect(ended).toMatchObject({ problem: { outcome: 'not_started' } })
    expect(shelf().length).toBe(asked('POST /instance/*/snapshot'))
  },
)

test('a vendor that cannot be asked what came of it leaves the outcome open, for later', async () => {
  const { create, morph, trouble, restart, context, source, shelf } = await world()
  trouble('POST /instance/*/snapshot', 'reset', 'after')
  trouble('GET /snapshot/list', 'reset', 'before', 100)
  const ctx = context()
  const ended = await create({}, ctx).catch((error: unknown) => error)
  const hint = expect.stringContaining('finds out later')
  expect(ended).toMatchObject({ problem: { outcome: 'unknown', retryable: false, hint } })

  morph.faults.length = 0
  const request = { source, name: 'a save point', labels: {}, auto: false, protected: false }
  const left = { operation: ctx.operation, started_at: 0, request, facts: ctx.notes.at(-1) }
  const found = await restart().resume?.create(left, context())
  expect(found).toEqual({
    snapshot: expect.objectContaining({ id: `morph:${shelf()[0]?.id}`, state: 'ready' }),
  })
})

test('a list of which something cannot be read does not prove that nothing was made', async () => {
  const { create, trouble, problem } = await world()
  trouble('POST /instance/*/snapshot', 'reset', 'after')
  const body = { snapshots: [{ id: 'snapshot_odd' }], has_next: false }
  trouble('GET /snapshot/list', { answer: { status: 200, body } }, 'before', 100)
  expect(await problem(create(), 'PROVIDER_BUG')).toMatchObject({ outcome: 'unknown' })
})

test('nothing is sent when somebody else has taken the source over', async () => {
  const { create, restore, context, problem, asked } = await world()
  const saved = await create()
  const stillHeld = async () => {
    throw fail('BUSY', 'Taken over. Nothing was changed.', 'Call again.', { provider: 'morph' })
  }
  await problem(create({}, context({ stillHeld })), 'BUSY')
  await problem(restore(saved, {}, context({ stillHeld })), 'BUSY')
  expect([asked('POST /instance/*/snapshot'), asked('POST /instance')]).toEqual([1, 0])
})
