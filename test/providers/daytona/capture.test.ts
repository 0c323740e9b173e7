import { describe, expect, test } from 'vitest'
import { fail } from '../../../src/snapshots/errors.ts'
import type { Generation } from '../../emulators/daytona/model.ts'
import { refusal } from '../../snapshots/world.ts'
import { EVERYTHING, native, world } from './world.ts'

const MINUTE = 60_000
const GENERATIONS: Generation[] = ['v0.190', 'record-first', 'proposed']

describe.for(GENERATIONS)('A snapshot of a sandbox, on a server of the generation %s', (generation) => {
  test('is there when the call returns, and holds what the sandbox held', async () => {
    const w = await world({ generation, pollsToComplete: 3 })
    const { snapshot } = await w.create(w.devbox, 'team/dev:1')
    expect(snapshot).toMatchObject({
      name: 'team/dev:1',
      state: 'ready',
      source: w.devbox,
      captures: ['disk'],
    })
    expect(await w.provider.get(native(snapshot), w.ctx())).toEqual(snapshot)
    const kept = w.daytona.world.snapshots.get(native(snapshot))!
    expect(kept.content).toBe('the first state of devbox')
    expect(w.daytona.sandbox.state).toBe('started')
    expect(w.asked('POST', /./)).toBe(1)
  })

  test('that fails is never taken for one that went well', async () => {
    const w = await world({ generation })
    const problem = await refusal(w.create(w.devbox, 'fail-1'), 'PROVIDER_UNAVAILABLE')
    const silent = generation === 'v0.190'
    expect(problem.outcome).toBe(silent ? 'not_started' : 'partial')
    expect(problem.message).toContain(silent ? 'It does not say why' : 'Failed to capture the sandbox')
  })

  test('whose answer is lost is found and not taken again', async () => {
    const w = await world({ generation, pollsToComplete: 2 })
    w.trouble('POST', /snapshot$/, 'reset', 'after')
    const { snapshot } = await w.create(w.devbox, 'one')
    expect(snapshot).toMatchObject({ name: 'one', state: 'ready' })
    expect(w.asked('POST', /./)).toBe(1)
    const { items } = await w.provider.list({ ...EVERYTHING, source: w.devbox }, w.ctx())
    expect(items).toEqual([snapshot])
  })

  test('is known as ours by a clock that is ahead of that of the vendor', async () => {
    const w = await world({ generation, behindMs: 6 * MINUTE, pollsToComplete: 2 })
    expect((await w.create(w.devbox, 'one')).snapshot).toMatchObject({ name: 'one', state: 'ready' })
    w.trouble('POST', /snapshot$/, 'reset', 'after')
    expect((await w.create(w.devbox, 'two')).snapshot).toMatchObject({ name: 'two', state: 'ready' })
  })

  test('whose request does not arrive comes to nothing', async () => {
    const w = await world({ generation })
    w.trouble('POST', /snapshot$/, 'reset')
    expect(await refusal(w.create(w.devbox, 'one'), 'NETWORK')).toMatchObject({ outcome: 'not_started' })
    expect(w.asked('POST', /./)).toBe(1)
  })

  test('cannot be taken while another change is under way', async () => {
    const w = await world({ generation })
    w.daytona.sandbox.state = 'stopping'
    expect(await refusal(w.create(w.devbox, 'one'), 'BUSY')).toMatchObject({
      retryable: true,
      outcome: 'not_started',
    })
    expect(w.daytona.world.snapshots.size).toBe(1)
  })

  test('cannot have the memory of a container', async () => {
    const w = await world({ generation })
    const options = { include_memory: true }
    const problem = await refusal(w.create(w.devbox, 'one', { options }), 'UNSUPPORTED')
    expect(problem.hint).toContain('without include_memory')
  })
})

test('A record that does not tell what it was taken of is ours as long as nothing speaks against it, and that is said', async () => {
  const w = await world()
  w.time.onSleep = () => {
    for (const each of w.daytona.world.snapshots.values())
      if (each.name === 'one') Object.defineProperties(each, { sourceSandboxId: SILENT, ref: SILENT })
  }
  const { snapshot, warnings = [] } = await w.create(w.devbox, 'one')
  expect(snapshot).toMatchObject({ name: 'one', state: 'ready', source: { kind: 'unknown' } })
  expect(warnings).toEqual([expect.stringContaining(snapshot.id)])
  expect(warnings[0]).toContain('Look at it')
})

const SILENT = { get: () => null, set() {} }

test.for([
  { imageName: 'other:1', ref: null },
  { ref: `registry.example/snapshot-${'0'.repeat(8)}-0000-0000-0000-${'0'.repeat(12)}-one:latest` },
])('A name that somebody else took meanwhile is told, by what theirs was made of: %j', async (theirs) => {
  const w = await world({ generation: 'v0.190', pollsToComplete: 4 })
  let sleeps = 0
  w.time.onSleep = () => {
    if (++sleeps === 1) w.daytona.addSnapshot({ name: 'one', ...theirs })
  }
  const problem = await refusal(w.create(w.devbox, 'one'), 'ALREADY_EXISTS')
  expect(problem.message).toContain('No snapshot was made')
})

test('A record that shows a moment late is waited for', async () => {
  const w = await world({ generation: 'v0.190', pollsToComplete: 0 })
  const answer = { status: 404, body: { statusCode: 404, message: 'Snapshot with name one not found' } }
  // Free before, not there while it is captured, and not there at first when that is over.
  w.trouble('GET', /snapshots\/one$/, { answer }, 'after', 2)
  expect((await w.create(w.devbox, 'one')).snapshot).toMatchObject({ state: 'ready' })
  expect(w.time.slept).toContain(2000)
})

test('Of a virtual machine the memory can be in it, and the state that it has to be in is told', async () => {
  const w = await world()
  const vm = w.daytona.addSandbox({ name: 'vm', target: 'us-east-1', sandboxClass: 'linux-vm' })
  const source = { kind: 'sandbox', id: vm.id, name: 'vm' }
  const problem = await refusal(w.create(source, 'disk'), 'CONFLICT')
  expect(problem.hint).toContain('include_memory: true')
  const { snapshot } = await w.create(source, 'all', { options: { include_memory: true } })
  expect(snapshot.captures).toEqual(['disk', 'memory'])
})

test('Cancelled, it stops waiting and the sandbox goes on', async () => {
  const w = await world({ pollsToComplete: 3 })
  w.time.onSleep = () => w.cancel()
  expect(await refusal(w.create(w.devbox, 'one'), 'CANCELLED')).toMatchObject({ outcome: 'unknown' })
  expect(w.daytona.sandbox.state).toBe('snapshotting')
  expect(w.asked('DELETE', /./)).toBe(0)
})

test('Nothing is sent when somebody took the lock on the sandbox over', async () => {
  const w = await world()
  const stillHeld = async () => {
    throw fail('BUSY', 'Somebody else is at work there.', 'Call again later.')
  }
  const request = { source: w.devbox, name: 'one', labels: {}, auto: false, protected: false }
  await refusal(w.provider.create(request, w.ctx({ stillHeld })), 'BUSY')
  expect(w.asked('POST', /./)).toBe(0)
})

test('What is needed to find it again is noted before it is sent, and its id as soon as it is known', async () => {
  const w = await world()
  const note = async (facts: Record<string, unknown>) =>
    void w.notes.push({ ...facts, sent: w.asked('POST', /./) })
  const request = { source: w.devbox, name: 'one', labels: {}, auto: false, protected: false }
  const { snapshot } = await w.provider.create(request, w.ctx({ note }))
  expect(w.notes).toMatchObject([
    { name: 'one', sandbox: w.devbox.id, sent: 0 },
    { name: 'one', id: native(snapshot), sent: 1 },
  ])
})
