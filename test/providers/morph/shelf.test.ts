import { describe, expect, test } from 'vitest'
import { image, native, world } from './world.ts'

describe('a list', () => {
  test('has more than a page of the vendor, each once, newest first', async () => {
    const { morph, list, provider, context, asked, time } = await world()
    for (let n = 0; n < 230; n++) morph.addSnapshot({ createdAt: time.now() + n * 1000 })
    const query = { include_auto: false, include_trashed: false, limit: 100 }
    const ids: string[] = []
    let cursor: string | undefined
    do {
      const page = await provider.list({ ...query, ...(cursor && { cursor }) }, context())
      ids.push(...page.items.map(native))
      cursor = page.next
    } while (cursor !== undefined)
    expect(ids).toEqual([...morph.cloud.snapshots.keys()].reverse())
    expect(asked('GET /snapshot/list')).toBe(3 * 3)
    expect(await list()).toHaveLength(100)
  })

  test('comes whole from a server without pages', async () => {
    const { morph, list, asked } = await world({ paged: false })
    for (let n = 0; n < 120; n++) morph.addSnapshot()
    expect(await list({ name: 'snapshot_' })).toHaveLength(100)
    expect(asked('GET /snapshot')).toBe(1)
  })

  test.each([405, 422])('comes whole where a page is answered with %i', async (status) => {
    const { morph, list, trouble, asked } = await world()
    morph.addSnapshot()
    trouble('GET /snapshot/list', { answer: { status, body: { detail: 'no' } } })
    expect([(await list()).length, asked('GET /snapshot')]).toEqual([1, 1])
  })

  test('fails where the vendor fails, and is tried again before', async () => {
    const { list, trouble, problem, asked } = await world()
    trouble('GET /snapshot/list', { answer: { status: 503, body: { detail: 'later' } } }, 'before', 2)
    expect(await list()).toEqual([])
    trouble('GET /snapshot/list', { answer: { status: 401, body: { detail: 'who?' } } })
    await problem(list(), 'UNAUTHENTICATED')
    expect(asked('GET /snapshot')).toBe(0)
  })

  test('ends where a server says for ever that there is more', async () => {
    const { morph, list, trouble, asked } = await world()
    morph.addSnapshot()
    const made = (await list())[0]!.native
    const body = { snapshots: [made], has_next: true }
    trouble('GET /snapshot/list', { answer: { status: 200, body } }, 'before', 100)
    expect(await list()).toHaveLength(1)
    expect(asked('GET /snapshot/list')).toBe(3)
  })

  test.each([true, false])(
    'has what can be read, and the log tells what cannot (paged: %s)',
    async (paged) => {
      const { morph, provider, context, trouble } = await world({ paged })
      const { id } = morph.addSnapshot()
      const query = { include_auto: false, include_trashed: false, limit: 10 }
      const [good] = (await provider.list(query, context())).items
      const odd = { ...good?.native, id: 'snapshot_odd', created: 'yesterday\u001b[2J' }
      const items = [odd, good?.native, null, 7]
      const body = paged ? { snapshots: items, has_next: false } : { data: items }
      trouble(paged ? 'GET /snapshot/list' : 'GET /snapshot', { answer: { status: 200, body } })
      const warnings: unknown[] = []
      const ctx = context()
      const warn = (_: string, data?: object) => void warnings.push(data)
      const page = await provider.list(query, { ...ctx, log: { ...ctx.log, warn } })
      expect(page.items.map(native)).toEqual([id])
      expect(warnings).toMatchObject([{ id: 'snapshot_odd', at: 'created' }, {}, {}])
    },
  )

  test('has what carries the digest that is asked for', async () => {
    const { create, list, morph } = await world()
    const one = await create({ options: { digest: 'step-1' }, labels: { team: 'blue' } })
    await create({ options: { digest: 'step-2' } })
    expect(await list({ options: { digest: 'step-1' } })).toEqual([one])
    expect(new URLSearchParams(morph.requests.at(-1)?.query).get('digest')).toBe('step-1')
    expect(await list({ options: { digest: 'step-1' }, labels: { team: 'red' } })).toEqual([])
    expect(await list({ options: {} })).toHaveLength(2)
  })

  test('asks the vendor only for what has the labels, and looks itself as well', async () => {
    const { create, list, morph, source } = await world()
    const blue = await create({ labels: { team: 'blue', 'a key': 'odd' } })
    await create({ labels: { team: 'red' }, source: image() })
    morph.addSnapshot({ metadata: { team: 'blue' } })
    const found = await list({ labels: { team: 'blue', 'a key': 'odd' } })
    expect(found.map(({ id }) => id)).toEqual([blue.id])
    const { query } = morph.requests.at(-1)!
    expect(new URLSearchParams(query).get('metadata[team]')).toBe('blue')
    expect(query).not.toContain('odd')
    expect(await list({ source })).toHaveLength(1)
    expect(await list({ source: image() })).toHaveLength(2)
  })
})

describe('a snapshot of another program', () => {
  test('is shown with what is known of it', async () => {
    const { morph, provider, context } = await world()
    const long = 'x'.repeat(500)
    const metadata = { name: 'theirs', team: 'red', long, snapshot_mcp_source: 'nothing:like that' }
    const { id } = morph.addSnapshot({ metadata, imageId: 'img_x', ttlSeconds: 60 })
    const found = await provider.get(id, context())
    expect(found).toMatchObject({
      name: 'theirs',
      captures: ['disk'],
      source: { kind: 'image', id: 'img_x', name: 'img_x' },
      labels: { name: 'theirs', team: 'red' },
      expires_at: '2026-11-20T12:01:00.000Z',
      native: { metadata },
    })
    expect(found.labels).not.toHaveProperty('long')
  })

  test('may lack what the description calls optional, and have what it does not know', async () => {
    const { morph, provider, context, trouble } = await world()
    const { id } = morph.addSnapshot()
    const body = {
      id,
      created: 1,
      status: 'thawing',
      refs: {},
      digest: null,
      metadata: null,
      ttl: null,
      x: [1],
    }
    trouble('GET /snapshot/*', { answer: { status: 200, body } })
    const found = await provider.get(id, context())
    expect(found).toMatchObject({ name: id, state: 'unknown', labels: {}, native: body })
    expect(found.created_at).toBe('1970-01-01T00:00:01.000Z')
  })

  test.each([
    ['pending', 'creating'],
    ['ready', 'ready'],
    ['failed', 'failed'],
    ['deleting', 'deleting'],
    ['constructor', 'unknown'],
  ])('that is %s is %s for us', async (status, state) => {
    const { morph, provider, context } = await world()
    const { id } = morph.addSnapshot({ status: status as 'pending' })
    expect(await provider.get(id, context())).toMatchObject({ state })
  })

  test('that is deleted is not there, also while the vendor still keeps it', async () => {
    const { morph, provider, context, problem, list } = await world()
    const { id } = morph.addSnapshot({ status: 'deleted' })
    await problem(provider.get(id, context()), 'NOT_FOUND')
    expect(await list()).toEqual([])
  })
})

describe('an id', () => {
  test.each(['list', 'pull', '..', '../image', 'a/b', 'x%2fy', '', 'f'.repeat(200)])(
    'such as "%s" is not sent to the vendor',
    async (id) => {
      const { provider, context, problem, morph } = await world()
      await problem(provider.get(id, context()), 'NOT_FOUND')
      await problem(provider.planDelete([id], context()), 'NOT_FOUND')
      await problem(provider.update!(id, { name: 'x' }, context()), 'NOT_FOUND')
      expect(morph.requests).toEqual([])
    },
  )

  test('that the vendor does not take for one is not found', async () => {
    const { provider, context, problem, trouble } = await world()
    trouble('GET /snapshot/*', { answer: { status: 422, body: { detail: [] } } })
    await problem(provider.get('no-id', context()), 'NOT_FOUND')
  })
})

/** In whole seconds: the vendor knows no others. */
const inTwoHours = (now: number) => new Date(Math.ceil(now / 1000) * 1000 + 7_200_000).toISOString()

describe('an update', () => {
  test('keeps what others have written, and what is no label', async () => {
    const { create, provider, context, shelf } = await world()
    const saved = await create({ labels: { team: 'blue', step: '1' } })
    const [there] = shelf()
    const long = 'x'.repeat(300)
    there!.metadata.theirs = long
    const update = (change: object) => provider.update!(native(saved), change, context())
    await update({ name: 'other', note: 'why' })
    expect(there?.metadata).toMatchObject({ theirs: long, team: 'blue', snapshot_mcp_note: 'why' })
    expect(await update({ labels: { step: '2' } })).toMatchObject({ labels: { step: '2' }, name: 'other' })
    expect(there?.metadata).toMatchObject({ theirs: long, step: '2' })
    expect(there?.metadata).not.toHaveProperty('team')
    await expect(update({ labels: { snapshot_mcp_auto: 'true' } })).rejects.toThrow('own')
  })

  test('sets the time to live from now and takes it back, and writes nothing else for that', async () => {
    const { create, provider, context, shelf, time, asked } = await world()
    const saved = await create()
    const expires_at = inTwoHours(time.now())
    const updated = await provider.update!(native(saved), { expires_at }, context())
    expect(updated.expires_at).toBe(expires_at)
    const past = new Date(time.now() - 1000).toISOString()
    await provider.update!(native(saved), { expires_at: null }, context())
    expect(shelf()[0]?.ttlSeconds).toBeNull()
    await provider.update!(native(saved), { expires_at: past }, context())
    expect(shelf()[0]?.ttlSeconds).toBe(1)
    expect(asked('POST /snapshot/*/metadata')).toBe(0)
  })

  test('whose answer is lost is looked for, and not sent again', async () => {
    const { create, provider, context, trouble, asked, time } = await world()
    const saved = await create()
    trouble('POST /snapshot/*/metadata', 'reset', 'after')
    trouble('POST /snapshot/*/ttl', { answer: { status: 502, raw: '' } }, 'after')
    const expires_at = inTwoHours(time.now())
    const updated = await provider.update!(native(saved), { name: 'new', expires_at }, context())
    expect(updated).toMatchObject({ name: 'new', expires_at })
    // A time to live is set once more: that does no harm, and nothing tells whether it was.
    expect([asked('POST /snapshot/*/metadata'), asked('POST /snapshot/*/ttl')]).toEqual([1, 2])
  })

  test.each(['before', 'after'] as const)(
    'to a time to live as long as the old one begins it anew, also when the answer is lost %s it took effect',
    async (at) => {
      const { create, provider, context, trouble, time } = await world()
      const saved = await create({ expires_at: inTwoHours(time.now()) })
      time.pass(3_600_000)
      trouble('POST /snapshot/*/ttl', { answer: { status: 502, raw: '' } }, at)
      const expires_at = inTwoHours(time.now())
      expect(await provider.update!(native(saved), { expires_at }, context())).toMatchObject({ expires_at })
    },
  )

  test('of a time to live that is never heard of leaves the outcome open', async () => {
    const { create, provider, context, trouble, time, problem } = await world()
    const saved = await create()
    trouble('POST /snapshot/*/ttl', 'reset', 'before', 100)
    const updated = provider.update!(native(saved), { expires_at: inTwoHours(time.now()) }, context())
    expect(await problem(updated, 'NETWORK')).toMatchObject({ outcome: 'unknown' })
  })

  test('of which the second half fails says that the first is done', async () => {
    const { create, provider, context, trouble, problem, shelf } = await world()
    const saved = await create()
    trouble('POST /snapshot/*/ttl', { answer: { status: 403, body: { detail: 'no' } } })
    const change = { name: 'new', expires_at: null }
    const { outcome, message } = await problem(
      provider.update!(native(saved), change, context()),
      'FORBIDDEN',
    )
    expect([outcome, message]).toEqual(['partial', expect.stringContaining('other changes')])
    expect(message).not.toContain('Nothing was changed')
    expect(shelf()[0]?.metadata.snapshot_mcp_name).toBe('new')
  })

  test('of what Morph does not have is refused', async () => {
    const { provider, context, problem, morph } = await world()
    for (const change of [{ active: true }, { add_regions: ['x'] }])
      await problem(provider.update!('snapshot_1', change, context()), 'UNSUPPORTED')
    expect(morph.requests).toEqual([])
  })

  test('that protects takes the time to live away: Morph would delete it all the same', async () => {
    const { create, provider, context, asked, shelf, time } = await world()
    const saved = await create({ expires_at: inTwoHours(time.now()) })
    const kept = await provider.update!(native(saved), { protected: true }, context())
    expect(kept).toMatchObject({ protected: true, native: { ttl: { ttl_seconds: null } } })
    expect([kept.expires_at, shelf()[0]?.ttlSeconds]).toEqual([undefined, null])
    await provider.update!(native(saved), { protected: true, note: 'again' }, context())
    expect(asked('POST /snapshot/*/ttl')).toBe(1)
  })

  test('gives no time to live to what is protected', async () => {
    const { create, provider, context, asked, time, problem } = await world()
    const [free, kept] = [await create(), await create({ protected: true })]
    const expires_at = inTwoHours(time.now())
    const update = ({ id }: typeof free, change: object) =>
      provider.update!(native({ id }), { expires_at, ...change }, context())
    await problem(update(kept, {}), 'PROTECTED')
    await problem(update(free, { protected: true }), 'INVALID_ARGUMENT')
    expect(asked('POST /snapshot/*/metadata')).toBe(0)
    const never = await update(kept, { expires_at: null, note: 'for ever' })
    expect(never).toMatchObject({ protected: true, note: 'for ever' })
  })

  test('by the operator lifts the protection and nothing else', async () => {
    const { create, provider, context } = await world()
    const saved = await create({ protected: true, labels: { a: 'b' } })
    const { native: _, ...free } = await provider.unprotect!(native(saved), context())
    expect({ ...saved, ...free }).toEqual({ ...saved, protected: false })
  })
})
