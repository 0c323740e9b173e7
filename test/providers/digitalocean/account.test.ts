import { describe, expect, test } from 'vitest'
import { dialect } from '../../../src/providers/digitalocean/dialect.ts'
import type { Answer } from '../../../src/providers/http/answer.ts'
import { native, problemOf, world } from './world.ts'

describe('Health', () => {
  test('tells what the snapshots cost, what the account may have and how many calls are left', async () => {
    const { create, provider, call, volume } = await world()
    await create()
    await create({ source: volume })
    expect(await provider.health(call())).toMatchObject({
      healthy: true,
      usage: { snapshots: 2, gigabytes: 2.84, cost_per_month: { amount: 0.17, currency: 'USD' } },
      quota: {
        account: 'active',
        droplets: 25,
        volumes: 100,
        calls_per_hour: { limit: 50_000, until: expect.stringMatching(/Z$/) },
      },
    })
  })

  test('is bad where the account is locked or the key is wrong', async () => {
    const { provider, call, cloud } = await world()
    Object.assign(cloud.cloud.account, { status: 'locked', status_message: 'Please call us.' })
    expect(await provider.health(call())).toMatchObject({
      healthy: false,
      error: { code: 'FORBIDDEN', message: expect.stringContaining('Please call us.') },
    })
    cloud.faults.push({
      when: () => true,
      times: 2,
      at: 'before',
      how: {
        answer: { status: 401, body: { id: 'unauthorized', message: 'Unable to authenticate you.' } },
      },
    })
    expect(await provider.health(call())).toMatchObject({
      healthy: false,
      error: { code: 'UNAUTHENTICATED' },
    })
  })
})

describe('A snapshot that goes to another account', () => {
  test('is offered, and leaves when it is accepted', async () => {
    const { create, transfers, call, cloud, names } = await world()
    const saved = await create()
    const own = transfers()
    const { transfer, accepted } = await own.offer(native(saved), 'sammy@example.com', call())
    expect([accepted, names().length]).toEqual([false, 1])
    const team = '11111111-2222-3333-4444-555555555555'
    await own.accept(Number(native(saved)), transfer, team, call())
    expect(names()).toEqual([])

    const second = await create()
    cloud.cloud.account.otherTeams.push(team)
    expect(await own.offer(native(second), team, call())).toEqual({ transfer: 0, accepted: true })
  })

  test('stays when it is declined or taken back', async () => {
    const { create, transfers, call, cloud, names } = await world()
    const saved = await create()
    const own = transfers()
    const { transfer } = await own.offer(native(saved), 'sammy@example.com', call())
    await own.cancel(Number(native(saved)), transfer, call())
    expect((await problemOf(own.cancel(Number(native(saved)), transfer, call()))).code).toBe('NOT_FOUND')
    const offered = cloud.offerImage()
    await own.decline(offered.image.id, offered.id, call())
    expect(names()).toHaveLength(1)
    expect(cloud.cloud.transfers.size).toBe(0)
  })

  test('is that of a Droplet, and goes to somebody', async () => {
    const { create, transfers, call, volume, sent } = await world()
    const [droplet, disk] = [await create(), await create({ source: volume })]
    const own = transfers()
    expect((await problemOf(own.offer(native(disk), 'a@example.com', call()))).code).toBe('UNSUPPORTED')
    for (const to of ['', 'nobody', 'a b@example.com'])
      expect((await problemOf(own.offer(native(droplet), to, call()))).code).toBe('INVALID_ARGUMENT')
    expect((await problemOf(own.accept(1, 1, 'me', call()))).code).toBe('INVALID_ARGUMENT')
    expect(sent('POST', '/account_transfer')).toEqual([])
  })
})

describe('What DigitalOcean means', () => {
  const answer = (status: number, message: string, headers: Answer['headers'] = {}): Answer => ({
    status,
    headers,
    text: message,
    body: { id: 'x', message, request_id: 'in the body' },
  })

  test.each([
    [400, 'error parsing request body', 'INVALID_ARGUMENT'],
    [400, 'the resource is not a snapshot', 'NOT_FOUND'],
    [401, 'Unable to authenticate you.', 'UNAUTHENTICATED'],
    [403, 'You do not have access for the attempted action.', 'FORBIDDEN'],
    [403, 'failed to create volume: volume/snapshot capacity limit exceeded', 'QUOTA_EXCEEDED'],
    [404, 'The resource you were accessing could not be found.', 'NOT_FOUND'],
    [409, 'snapshot already exists', 'ALREADY_EXISTS'],
    [409, 'something else', 'CONFLICT'],
    [422, 'Droplet already has a pending event.', 'BUSY'],
    [422, 'There are currently blocking events processing for one or more of the droplets.', 'BUSY'],
    [422, 'creating this/these droplet(s) will exceed your droplet limit', 'QUOTA_EXCEEDED'],
    [422, 'The droplet is already off.', 'CONFLICT'],
    [422, 'You specified an invalid image for Droplet creation.', 'INVALID_ARGUMENT'],
    [429, 'API rate limit exceeded.', 'RATE_LIMITED'],
    [500, 'Unexpected server-side error', 'PROVIDER_UNAVAILABLE'],
  ])('by %i "%s" is %s', (status, message, code) => {
    expect(dialect.errorOf(answer(status, message))).toMatchObject({ code })
  })

  test('by a tag that it does not take, and not by the page of a proxy', () => {
    const body = { error: 'Error validating resource tag', messages: null, root_causes: [] }
    expect(dialect.errorOf({ ...answer(400, ''), body })).toMatchObject({ code: 'INVALID_ARGUMENT' })
    expect(dialect.errorOf({ ...answer(504, ''), body: undefined })).toBeUndefined()
  })

  test('by the three ways in which it asks to wait', () => {
    const now = 1_000_000
    const wait = (message: string, headers: Answer['headers'] = {}, status = 429) =>
      dialect.waitOf(answer(status, message, headers), now)
    expect(wait('failed to create snapshot: this operation is rate-limited - one request per 10m0s')).toBe(
      600_000,
    )
    expect(wait('', { 'retry-after': '7', 'ratelimit-remaining': '12' })).toBe(7000)
    expect(wait('', { 'ratelimit-remaining': '0', 'ratelimit-reset': '1060' })).toBe(60_000)
    expect(wait('', { 'ratelimit-remaining': '12', 'ratelimit-reset': '1060' })).toBeUndefined()
    expect(wait('', { 'ratelimit-remaining': '0', 'ratelimit-reset': '999' })).toBeUndefined()
    expect(wait('', { 'ratelimit-remaining': '0', 'ratelimit-reset': 'soon' })).toBeUndefined()
    expect(wait('', {}, 422)).toBeUndefined()
  })

  test('a request is known by its header, or by its body', () => {
    expect(dialect.requestIdOf(answer(404, '', { 'x-request-id': 'in the header' }))).toBe('in the header')
    expect(dialect.requestIdOf(answer(404, ''))).toBe('in the body')
  })
})
