import { describe, expect, test } from 'vitest'
import { anyText, badRequest, conflict, course, MINUTE, notFound, serve } from './support.ts'

describe('A snapshot of a sandbox, as v0.190 makes it', () => {
  const old = { generation: 'v0.190' } as const

  test('The sandbox is the answer, and there is no record until all is done', async () => {
    const { get, post, until, sandbox, world, clock } = await serve(old)
    sandbox.content = 'the work of an afternoon'
    clock.now += MINUTE
    const { status, body } = await post('/sandbox/devbox/snapshot', { name: 'saved' })
    expect([status, body]).toMatchObject([
      200,
      { id: sandbox.id, state: 'snapshotting', desiredState: 'started' },
    ])
    expect(body).not.toHaveProperty('imageName')
    expect(await get('/snapshots/saved')).toMatchObject(notFound('Snapshot with name saved not found'))
    const [made] = await until('/snapshots/saved', 'active')
    expect(made).toMatchObject({ imageName: '', size: 0.5, entrypoint: null, sandboxClass: 'container' })
    expect(made).not.toHaveProperty('sourceSandboxId')
    expect((await get('/sandbox/devbox')).body.state).toBe('started')
    expect(world.snapshots.get(made.id)!.content).toBe('the work of an afternoon')
  })

  test('What goes wrong leaves no trace, and the sandbox looks as after a success', async () => {
    const { get, post, until, failNext, addSnapshot, world } = await serve(old)
    const taken = addSnapshot({ name: 'taken', content: 'another' })
    failNext('capture')
    for (const name of ['doomed', 'fail-1', 'not a name', 'taken']) {
      expect((await post('/sandbox/devbox/snapshot', { name })).status).toBe(200)
      const seen = await until('/sandbox/devbox', 'started')
      expect(seen.at(-1).errorReason).toBeNull()
    }
    for (const name of ['doomed', 'fail-1', 'not%20a%20name'])
      expect((await get(`/snapshots/${name}`)).status).toBe(404)
    expect((await get('/snapshots?name=taken')).body).toMatchObject({ total: 1, items: [{ id: taken.id }] })
    expect(world.snapshots.get(taken.id)!.content).toBe('another')
  })

  test('A capture that does not end is dropped after a quarter of an hour', async () => {
    const { get, post, clock } = await serve(old)
    await post('/sandbox/devbox/snapshot', { name: 'slow-1' })
    for (let looks = 0; looks < 10; looks++) await get('/sandbox/devbox')
    clock.now += 15 * MINUTE - 1
    expect((await get('/sandbox/devbox')).body.state).toBe('snapshotting')
    clock.now += 1
    expect((await get('/sandbox/devbox')).body.state).toBe('started')
    expect((await get('/snapshots/slow-1')).status).toBe(404)
  })
})

describe('A snapshot of a sandbox, as it is made since', () => {
  test('The record is there from the start, and it names its source', async () => {
    const { get, post, until, sandbox } = await serve()
    const { status, body } = await post('/sandbox/devbox/snapshot', { name: 'saved' })
    expect([status, body]).toMatchObject([200, { id: sandbox.id, state: 'snapshotting' }])
    const seen = await until('/snapshots/saved', 'active')
    expect(course(seen)).toEqual(['snapshotting', 'active'])
    expect(seen.map(({ size }) => size)).toEqual([null, 0.5])
    expect(seen[0]).toMatchObject({ sourceSandboxId: sandbox.id, lastUsedAt: null })
    const found = (await get(`/snapshots?sourceSandboxId=${sandbox.id}`)).body
    expect(found).toMatchObject({ total: 1, items: [{ name: 'saved' }] })
  })

  test('What goes wrong is on record, and a taken name is refused at once', async () => {
    const { get, post, until } = await serve()
    await post('/sandbox/devbox/snapshot', { name: 'fail-1' })
    expect((await until('/snapshots/fail-1', 'error')).at(-1).errorReason).toEqual(anyText)
    expect((await get('/sandbox/devbox')).body.state).toBe('started')
    expect(await post('/sandbox/devbox/snapshot', { name: 'fail-1' })).toMatchObject(
      conflict('Snapshot with name "fail-1" already exists for this organization'),
    )
    expect((await get('/sandbox/devbox')).body.state).toBe('started')
  })

  test('A capture that does not end becomes an error after three hours', async () => {
    const { get, post, clock } = await serve()
    await post('/sandbox/devbox/snapshot', { name: 'slow-1' })
    clock.now += 180 * MINUTE - 1
    expect((await get('/snapshots/slow-1')).body.state).toBe('snapshotting')
    clock.now += 1
    expect((await get('/snapshots/slow-1')).body).toMatchObject({ state: 'error', errorReason: anyText })
    expect((await get('/sandbox/devbox')).body.state).toBe('started')
  })

  test('Deleting the record while it is made does not hold up the sandbox', async () => {
    const { get, post, del, until } = await serve()
    await post('/sandbox/devbox/snapshot', { name: 'saved' })
    const { id } = (await get('/snapshots/saved')).body
    expect((await del(`/snapshots/${id}`)).status).toBe(200)
    await until('/sandbox/devbox', 'started')
    await get(`/snapshots/${id}`)
    await get(`/snapshots/${id}`)
    expect((await get(`/snapshots/${id}`)).status).toBe(404)
  })

  test('As proposed, the answer is the snapshot itself', async () => {
    const { post, until } = await serve({ generation: 'proposed' })
    const { status, body } = await post('/sandbox/devbox/snapshot', { name: 'saved' })
    expect([status, body]).toMatchObject([202, { name: 'saved', state: 'capturing', general: false }])
    expect(body).not.toHaveProperty('desiredState')
    await until(`/snapshots/${body.id}`, 'active')
  })
})

describe('Whether a sandbox can be captured', () => {
  test('While it is captured nothing else can be done with it', async () => {
    const { post, del } = await serve()
    await post('/sandbox/devbox/snapshot', { name: 'one' })
    expect(await post('/sandbox/devbox/snapshot', { name: 'two' })).toMatchObject(
      badRequest('Sandbox must be in started or stopped state to create a snapshot'),
    )
    expect(await del('/sandbox/devbox')).toMatchObject(conflict('Sandbox state change in progress'))
    expect(await post('/sandbox/devbox/stop')).toMatchObject(conflict('Sandbox state change in progress'))
  })

  test('A stopped one can, and is stopped again afterwards', async () => {
    const { post, until, addSandbox } = await serve()
    addSandbox({ name: 'idle', state: 'stopped', desiredState: 'stopped' })
    expect((await post('/sandbox/idle/snapshot', { name: 'one' })).status).toBe(200)
    expect(course(await until('/sandbox/idle', 'stopped'))).toEqual(['snapshotting', 'stopped'])
  })

  test('Memory comes from machines only, and each kind needs its own state', async () => {
    const state = (state: 'started' | 'stopped') => ({ state, desiredState: state }) as const
    const machine = { sandboxClass: 'linux-vm', target: 'us-east-1' } as const
    const { post, addSandbox } = await serve()
    addSandbox({ name: 'vm', ...machine })
    addSandbox({ name: 'off', ...machine, ...state('stopped') })
    const take = async (sandbox: string, includeMemory: boolean) =>
      (await post(`/sandbox/${sandbox}/snapshot`, { name: `${sandbox}-${includeMemory}`, includeMemory }))
        .status
    expect([await take('devbox', true), await take('devbox', false)]).toEqual([400, 200])
    expect([await take('vm', false), await take('vm', true)]).toEqual([400, 200])
    expect([await take('off', true), await take('off', false)]).toEqual([400, 200])

    const before = await serve({ generation: 'v0.190' })
    before.addSandbox({ name: 'vm', ...machine })
    const asked = { name: 'one', includeMemory: true }
    expect(await before.post('/sandbox/vm/snapshot', asked)).toMatchObject(
      badRequest('includeMemory is only supported for Windows sandboxes'),
    )
  })

  test('The quota of snapshots counts here too, and the request has to be one', async () => {
    const { post, addSnapshot } = await serve({ quotas: { snapshots: 1 } })
    addSnapshot()
    expect(await post('/sandbox/devbox/snapshot', { name: 'one' })).toMatchObject(
      badRequest('Snapshot quota exceeded. Maximum allowed: 1'),
    )
    expect(await post('/sandbox/devbox/snapshot', {})).toMatchObject(badRequest('name must be a string'))
    expect(await post('/sandbox/zzz/snapshot', { name: 'one' })).toMatchObject(
      notFound('Sandbox with ID or name zzz not found'),
    )
  })
})
