import { describe, expect, test } from 'vitest'
import { badRequest, conflict, course, type Json, notFound, serve, unprocessable } from './support.ts'

describe('Making a sandbox', () => {
  test('It is made from the snapshot by name or id, and started later than answered', async () => {
    const { post, until, addSnapshot, world } = await serve()
    const { id } = addSnapshot({ name: 'base', cpu: 2, mem: 4, content: 'as it was saved' })
    const { status, body } = await post('/sandbox', {
      snapshot: id,
      name: 'work',
      labels: { a: 1 },
      env: { B: 'c' },
    })
    expect([status, body]).toMatchObject([
      200,
      {
        name: 'work',
        snapshot: 'base',
        state: 'creating',
        desiredState: 'started',
        cpu: 2,
        memory: 4,
        disk: 3,
      },
    ])
    expect(body).toMatchObject({
      labels: { a: 1 },
      env: { B: 'c' },
      target: 'us',
      user: 'daytona',
      volumes: [],
    })
    expect(course(await until('/sandbox/work', 'started'))).toEqual(['creating', 'started'])
    expect(world.sandboxes.get(body.id)!.content).toBe('as it was saved')
    expect((await post('/sandbox', { snapshot: 'base' })).status).toBe(200)
  })

  test('Without a snapshot it comes from the default one, and without a name it is called by its id', async () => {
    const { post, general } = await serve()
    const { body } = await post('/sandbox', {})
    expect(body).toMatchObject({ snapshot: general.name, name: body.id })
  })

  test('What cannot be made is refused with the words of the server', async () => {
    const { post, addSnapshot } = await serve()
    addSnapshot({ name: 'idle', state: 'inactive' })
    addSnapshot({ name: 'base' })
    for (const [given, message] of [
      [{ snapshot: 'nope' }, 'Snapshot nope not found. Did you add it through the Daytona Dashboard?'],
      [{ snapshot: 'idle' }, 'Snapshot idle is inactive'],
      [{ snapshot: 'base', target: 'eu' }, 'Snapshot base is not available in region eu'],
      [{ snapshot: 'base', cpu: 2 }, 'Cannot specify Sandbox resources when using a snapshot'],
      [
        { snapshot: 'base', buildInfo: { dockerfileContent: 'FROM a:1' } },
        'Cannot specify a snapshot when using a build info entry',
      ],
    ] as const)
      expect(await post('/sandbox', given)).toMatchObject(badRequest(message))
    expect(await post('/sandbox', { target: 'mars' })).toMatchObject(notFound('Region not found'))
    expect(await post('/sandbox', { name: 'devbox' })).toMatchObject(
      conflict('Sandbox with name devbox already exists'),
    )
  })

  test('When the start fails the row stays behind, to be found by its name', async () => {
    const { get, post, del, failNext } = await serve()
    failNext('start', 'no such device')
    expect(await post('/sandbox', { name: 'lost' })).toMatchObject(
      badRequest('Sandbox failed to start: no such device'),
    )
    expect((await get('/sandbox/lost')).body).toMatchObject({ state: 'error', errorReason: 'no such device' })
    expect((await del('/sandbox/lost')).status).toBe(200)
    expect((await post('/sandbox', { name: 'fail-too' })).status).toBe(400)
  })

  test('The totals of the organisation are a limit, and stopped ones use their disk only', async () => {
    const { post, until, addSnapshot } = await serve({ quotas: { totalCpu: 3, totalDisk: 12 } })
    addSnapshot({ name: 'big', cpu: 2 })
    expect((await post('/sandbox', { snapshot: 'big', name: 'one' })).status).toBe(200)
    expect(await post('/sandbox', {})).toMatchObject(
      badRequest(expect.stringMatching(/^Total CPU limit exceeded\. Maximum allowed: 3\./)),
    )
    await until('/sandbox/one', 'started')
    await post('/sandbox/one/stop')
    await until('/sandbox/one', 'stopped')
    expect((await post('/sandbox', { name: 'two' })).status).toBe(200)
    expect(await post('/sandbox/one/start')).toMatchObject(
      badRequest(expect.stringMatching(/^Total CPU limit/)),
    )
    expect((await post('/sandbox', { name: 'three' })).status).toBe(200)
    expect(await post('/sandbox', {})).toMatchObject(
      badRequest(expect.stringMatching(/^Total (CPU|disk) limit/)),
    )
  })

  test('It can be built from a Dockerfile, and then its size can be told', async () => {
    const { post, until } = await serve()
    const { body } = await post('/sandbox', {
      name: 'b',
      cpu: 2,
      buildInfo: { dockerfileContent: 'FROM a:1' },
    })
    expect(body).toMatchObject({ cpu: 2, buildInfo: { dockerfileContent: 'FROM a:1' } })
    expect(body).not.toHaveProperty('snapshot')
    expect(course(await until('/sandbox/b', 'started'))).toEqual(['creating', 'building_snapshot', 'started'])
  })
})

describe('The life of a sandbox', () => {
  test('Stopping and starting are answered with what it still is', async () => {
    const { post, until } = await serve()
    expect((await post('/sandbox/devbox/stop')).body).toMatchObject({
      state: 'started',
      desiredState: 'stopped',
    })
    expect(await post('/sandbox/devbox/start')).toMatchObject(conflict('Sandbox state change in progress'))
    expect(course(await until('/sandbox/devbox', 'stopped'))).toEqual(['started', 'stopping', 'stopped'])
    expect(await post('/sandbox/devbox/stop')).toMatchObject(
      badRequest('Sandbox is not in a stoppable state'),
    )
    expect((await post('/sandbox/devbox/start')).body).toMatchObject({
      state: 'stopped',
      desiredState: 'started',
    })
    expect(course(await until('/sandbox/devbox', 'started'))).toEqual(['stopped', 'starting', 'started'])
    expect((await post('/sandbox/devbox/start')).body).toMatchObject({ state: 'started' })
  })

  test('Deleting frees the name at once and the row later', async () => {
    const { get, post, del, sandbox, clock } = await serve()
    const { status, body } = await del('/sandbox/devbox')
    expect([status, body]).toMatchObject([
      200,
      { name: `DESTROYED_devbox_${clock.now}`, state: 'destroying', desiredState: 'destroyed' },
    ])
    expect(await get('/sandbox/devbox')).toMatchObject(notFound('Sandbox with ID or name devbox not found'))
    expect((await post('/sandbox', { name: 'devbox' })).status).toBe(200)
    expect((await get(`/sandbox/${sandbox.id}`)).body.state).toBe('destroying')
    expect((await get(`/sandbox/${sandbox.id}`)).status).toBe(404)
  })

  test('One that is to be deleted when it stops is', async () => {
    const { post, addSandbox } = await serve()
    addSandbox({ name: 'brief', autoDeleteInterval: 0 })
    expect((await post('/sandbox/brief/stop')).body.state).toBe('destroying')
  })

  test('A stopped one can be archived and comes back from there', async () => {
    const { post, until, addSandbox } = await serve()
    addSandbox({ name: 'idle', state: 'stopped', desiredState: 'stopped' })
    expect(await post('/sandbox/devbox/archive')).toMatchObject(badRequest('Sandbox is not stopped'))
    expect((await post('/sandbox/idle/archive')).body.state).toBe('archiving')
    await until('/sandbox/idle', 'archived')
    await post('/sandbox/idle/start')
    expect(course(await until('/sandbox/idle', 'started'))).toEqual(['archived', 'restoring', 'started'])
  })

  test('Only machines can be paused, and they resume', async () => {
    const { post, until, addSandbox } = await serve()
    addSandbox({ name: 'vm', sandboxClass: 'linux-vm' })
    expect(await post('/sandbox/devbox/pause')).toMatchObject(
      unprocessable('Pausing is not supported for this sandbox'),
    )
    await post('/sandbox/vm/pause')
    expect(course(await until('/sandbox/vm', 'paused'))).toEqual(['pausing', 'paused'])
    await post('/sandbox/vm/start')
    expect(course(await until('/sandbox/vm', 'started'))).toEqual(['paused', 'resuming', 'started'])
  })

  test('Recovering is for errors that allow it, and does not restore anything', async () => {
    const { post, until, addSandbox } = await serve()
    addSandbox({ name: 'broken', state: 'error', errorReason: 'disk full', recoverable: true })
    expect(await post('/sandbox/devbox/recover')).toMatchObject(
      badRequest('Sandbox is not in a recoverable state'),
    )
    expect((await post('/sandbox/broken/start')).status).toBe(400)
    await post('/sandbox/broken/recover')
    expect((await until('/sandbox/broken', 'started')).at(-1)).not.toHaveProperty('errorReason')
    addSandbox({ name: 'other', state: 'error', recoverable: true })
    expect((await post('/sandbox/other/recover?skipStart=true')).body.state).toBe('stopped')
  })

  test('Labels are replaced as a whole', async () => {
    const { get, put } = await serve()
    await put('/sandbox/devbox/labels', { labels: { a: '1', b: '2' } })
    expect((await put('/sandbox/devbox/labels', { labels: { c: '3' } })).body).toEqual({ labels: { c: '3' } })
    expect((await get('/sandbox/devbox')).body.labels).toEqual({ c: '3' })
  })
})

describe('Forks', () => {
  test('A copy of a machine starts beside it with the same disk, and holds up its deletion', async () => {
    const { get, post, del, until, addSandbox, world } = await serve()
    const vm = addSandbox({ name: 'vm', sandboxClass: 'linux-vm', content: 'the work' })
    const { body } = await post('/sandbox/vm/fork', { name: 'copy' })
    expect(body).toMatchObject({ name: 'copy', state: 'creating', sandboxClass: 'linux-vm' })
    expect((await get('/sandbox/vm')).body.state).toBe('forking')
    await until('/sandbox/copy', 'started')
    await until('/sandbox/vm', 'started')
    expect(world.sandboxes.get(body.id)!.content).toBe('the work')

    await post('/sandbox/copy/fork', {})
    const names = async (path: string) => (await get(path)).body.map(({ name }: Json) => name)
    expect(await names('/sandbox/vm/forks')).toEqual(['copy'])
    const [grandchild] = await names('/sandbox/copy/forks')
    expect(await names(`/sandbox/${grandchild}/ancestors`)).toEqual(['vm', 'copy'])
    expect((await get('/sandbox/copy/parent')).body.id).toBe(vm.id)
    expect((await get('/sandbox/vm/parent')).status).toBe(404)
    expect(await del('/sandbox/vm')).toMatchObject(
      badRequest('Cannot delete sandbox which has active fork children. The forks must be deleted first.'),
    )
  })

  test('Containers cannot be forked, nor can what is not running', async () => {
    const { post, addSandbox } = await serve()
    expect(await post('/sandbox/devbox/fork', {})).toMatchObject(
      unprocessable('Forking is not supported for this sandbox'),
    )
    addSandbox({ name: 'off', sandboxClass: 'linux-vm', state: 'stopped', desiredState: 'stopped' })
    expect(await post('/sandbox/off/fork', {})).toMatchObject(
      badRequest('Sandbox must be in started state to fork'),
    )
    addSandbox({ name: 'vm', sandboxClass: 'linux-vm' })
    expect(await post('/sandbox/vm/fork', { name: 'devbox' })).toMatchObject(
      conflict('Sandbox with this name already exists'),
    )
  })
})

describe('The list of sandboxes', () => {
  test('Its pages hang together by a cursor, newest first', async () => {
    const { get, addSandbox, clock } = await serve()
    for (const name of ['a', 'b', 'c', 'd']) {
      clock.now += 1000
      addSandbox({ name })
    }
    const names: string[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { body }: Json = await get(`/sandbox?limit=2${cursor && `&cursor=${cursor}`}`)
      names.push(...body.items.map(({ name }: Json) => name))
      cursor = body.nextCursor
    }
    expect(names).toEqual(['d', 'c', 'b', 'a', 'devbox'])
    expect(await get('/sandbox?cursor=nonsense')).toMatchObject(badRequest('Invalid cursor'))
  })

  test('Filters narrow it down, and those that are lists can be repeated', async () => {
    const { get, addSandbox, clock } = await serve()
    clock.now += 60_000
    const later = new Date(clock.now).toISOString()
    addSandbox({ name: 'Web-1', labels: { team: 'a' }, target: 'eu', cpu: 2, state: 'stopped' })
    addSandbox({ name: 'web-2', labels: { team: 'b' }, memory: 4, public: true, snapshot: 'other' })
    addSandbox({ name: 'gone', state: 'error', desiredState: 'destroyed' })
    const names = async (query: string) =>
      (await get(`/sandbox?sort=name&order=asc&${query}`)).body.items.map(({ name }: Json) => name)
    expect(await names('')).toEqual(['Web-1', 'devbox', 'web-2'])
    expect(await names('includeErroredDeleted=true')).toContain('gone')
    expect(await names('name=WEB')).toEqual(['Web-1', 'web-2'])
    expect(await names(`labels=${encodeURIComponent('{"team":"b"}')}`)).toEqual(['web-2'])
    expect(await names('states=stopped')).toEqual(['Web-1'])
    expect(await names('states=stopped&states=started')).toEqual(['Web-1', 'devbox', 'web-2'])
    expect(await names('regionIds=eu')).toEqual(['Web-1'])
    expect(await names('snapshots=other')).toEqual(['web-2'])
    expect(await names('minCpu=2')).toEqual(['Web-1'])
    expect(await names('minMemoryGiB=2&maxDiskGiB=3')).toEqual(['web-2'])
    expect(await names('isPublic=true')).toEqual(['web-2'])
    expect(await names(`createdAtAfter=${later}`)).toEqual(['Web-1', 'web-2'])
    expect(await names('sandboxClasses=windows')).toEqual([])
    expect(await get('/sandbox?labels=no')).toMatchObject(badRequest('Invalid labels JSON format'))
    expect((await get('/sandbox?states=sleeping')).status).toBe(400)
  })
})
