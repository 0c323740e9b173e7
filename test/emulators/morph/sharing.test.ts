import { describe, expect, test } from 'vitest'
import { world } from './support.ts'

describe('A share', () => {
  test('Copies a snapshot into the account of whoever has the token, for a while', async () => {
    const { post, capture, passes, clock } = await world()
    const { id } = await capture({ digest: 'd', metadata: { a: '1' } })
    const { body: given } = await post(`/snapshot/${id}/token?expires_in=60`)
    expect(given).toEqual({ token: expect.any(String), expires_in: 60 })
    expect((await post(`/snapshot/${id}/token`)).body.expires_in).toBe(3600)
    const { body: copy } = await post(`/snapshot/pull?token=${given.token}`, { b: '2' })
    expect(copy).toMatchObject({ status: 'pending', digest: null, metadata: { b: '2' } })
    expect(copy.id).not.toBe(id)
    expect((await passes('pending', `/snapshot/${copy.id}`))[1].status).toBe('ready')
    clock.now += 60_000
    expect(await post(`/snapshot/pull?token=${given.token}`)).toMatchObject({ status: 404 })
  })

  test('May come from another account', async () => {
    const { post, get, offerSnapshot, cloud } = await world()
    const token = offerSnapshot()
    expect((await get('/snapshot')).body.data).toEqual([])
    const { body } = await post(`/snapshot/pull?token=${token}`)
    expect(cloud.snapshots.get(body.id)?.content.disk).toBe('from elsewhere')
  })
})
