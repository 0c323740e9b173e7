import { describe, expect, test } from 'vitest'
import type { CreateRequest, RestoreRequest } from '../../../src/snapshots/provider.ts'
import { refusal } from '../../snapshots/world.ts'
import { image, native, type World, world } from './world.ts'

/** The process dies with its next note: what it has noted before is all that is left of it. */
class Killed extends Error {}

function dyingAt(w: World, note: number) {
  let notes = 0
  return w.ctx({
    operation: 'op_interrupted01',
    note: async (facts) => {
      if (++notes === note) throw new Killed()
      w.notes.push(structuredClone(facts))
    },
  })
}

const interrupted = <R>(w: World, request: R) => ({
  operation: 'op_interrupted01',
  started_at: w.time.now(),
  request,
  facts: w.notes.at(-1),
})

const requestFor = (source: CreateRequest['source']): CreateRequest => ({
  ...{ source, name: 'one', labels: {}, auto: false, protected: false },
})
const snapshots = (w: World) => [...w.daytona.world.snapshots.values()].filter(({ general }) => !general)
const again = (w: World) => w.ctx({ operation: 'op_interrupted01' })

describe.for(['v0.190', 'record-first'] as const)('A create that was interrupted (%s)', (generation) => {
  const setup = async (kind: string) => {
    const w = await world({ generation, pollsToComplete: 2 })
    return { w, request: requestFor(kind === 'image' ? image('a:1') : w.devbox) }
  }

  test.for(['image', 'sandbox'])('before anything was sent came to nothing: %s', async (kind) => {
    const { w, request } = await setup(kind)
    await expect(w.provider.create(request, dyingAt(w, 1))).rejects.toThrow(Killed)
    const problem = await refusal(w.provider.resume!.create(interrupted(w, request), again(w)), 'NETWORK')
    expect(problem.outcome).toBe('not_started')
    expect(snapshots(w)).toEqual([])
  })

  test.for(['image', 'sandbox'])(
    'after its note, but before it was sent, came to nothing: %s',
    async (kind) => {
      const { w, request } = await setup(kind)
      const ctx = w.ctx({
        note: async (facts) => {
          w.notes.push(facts)
          throw new Killed()
        },
      })
      await expect(w.provider.create(request, ctx)).rejects.toThrow(Killed)
      const resumed = w.provider.resume!.create(interrupted(w, request), again(w))
      expect(await resumed.catch(({ problem }) => problem)).toMatchObject({ outcome: 'not_started' })
      expect(w.asked('POST', /./)).toBe(0)
    },
  )

  test.for(['image', 'sandbox'])('after it was sent is found and seen through: %s', async (kind) => {
    const { w, request } = await setup(kind)
    // The second note is the one that has the id.
    await expect(w.provider.create(request, dyingAt(w, 2))).rejects.toThrow(Killed)
    const { snapshot } = await w.provider.resume!.create(interrupted(w, request), again(w))
    expect(snapshot).toMatchObject({ name: 'one', state: 'ready', source: request.source })
    expect([snapshots(w).length, w.asked('POST', /./)]).toEqual([1, 1])
    expect(w.notes.at(-1)).toMatchObject({ id: native(snapshot) })
  })

  test.for(['image', 'sandbox'])('when its id was known is seen through: %s', async (kind) => {
    const { w, request } = await setup(kind)
    const { snapshot } = await w.provider.create(request, again(w))
    expect(w.notes.at(-1)).toMatchObject({ id: native(snapshot) })
    expect(await w.provider.resume!.create(interrupted(w, request), again(w))).toEqual({ snapshot })
    expect([snapshots(w).length, w.asked('POST', /./)]).toEqual([1, 1])
  })

  test('and was deleted since is over', async () => {
    const { w, request } = await setup('image')
    const { snapshot } = await w.provider.create(request, again(w))
    w.daytona.world.snapshots.delete(native(snapshot))
    const problem = await refusal(w.provider.resume!.create(interrupted(w, request), again(w)), 'CONFLICT')
    expect(problem.outcome).toBe('not_started')
  })

  test('stays unknown while the vendor cannot be asked', async () => {
    const { w, request } = await setup('image')
    await expect(w.provider.create(request, dyingAt(w, 2))).rejects.toThrow(Killed)
    const answer = { status: 503, body: { statusCode: 503, message: 'down' } }
    w.trouble('GET', /./, { answer }, 'before', 1000)
    const resumed = w.provider.resume!.create(interrupted(w, request), again(w))
    expect(await resumed.catch(({ problem }) => problem)).toMatchObject({
      outcome: 'unknown',
      retryable: false,
    })
  })
})

describe('A restore that was interrupted', () => {
  const setup = async () => {
    const w = await world({ pollsToComplete: 2 })
    const { snapshot } = await w.create(w.devbox, 'saved')
    w.notes.length = 0
    const request: RestoreRequest = { snapshot: native(snapshot), mode: 'new', to: 'copy', count: 2 }
    return { w, request, plan: await w.provider.planRestore(request, w.ctx()) }
  }
  /** One sandbox was asked for and answered; the caller did not wait for its start. */
  const begun = async () => {
    const { w, request } = await setup()
    const one = { ...request, count: 1 }
    const stop = new AbortController()
    const ctx = w.ctx({ signal: stop.signal, operation: 'op_interrupted01' })
    const plan = await w.provider.planRestore(one, ctx)
    w.time.onSleep = () => stop.abort()
    await refusal(w.provider.restore(plan, ctx), 'CANCELLED')
    w.time.onSleep = () => {}
    w.daytona.world.jobs.clear()
    return { w, request: one }
  }
  const boxCalled = (w: World, name: string) =>
    [...w.daytona.world.sandboxes.values()].find((each) => each.name === name)!
  const names = (w: World) => [...w.daytona.world.sandboxes.values()].map(({ name }) => name)

  test('before anything was sent came to nothing', async () => {
    const { w, request, plan } = await setup()
    await expect(w.provider.restore(plan, dyingAt(w, 1))).rejects.toThrow(Killed)
    const problem = await refusal(w.provider.resume!.restore(interrupted(w, request), again(w)), 'NETWORK')
    expect(problem.outcome).toBe('not_started')
    expect(names(w)).toEqual(['devbox'])
  })

  test('after the first was sent tells that one, and sends nothing again', async () => {
    const { w, request, plan } = await setup()
    const posts = w.asked('POST', /sandbox$/)
    await expect(w.provider.restore(plan, dyingAt(w, 2))).rejects.toThrow(Killed)
    const problem = await refusal(w.provider.resume!.restore(interrupted(w, request), again(w)), 'NETWORK')
    expect(problem).toMatchObject({ outcome: 'partial', retryable: false })
    expect(problem).toMatchObject({ details: { targets: [{ name: 'copy-1' }] } })
    expect(w.asked('POST', /sandbox$/)).toBe(posts + 1)
    expect(names(w)).toEqual(['devbox', 'copy-1'])
  })

  test('after all were sent is seen through', async () => {
    const { w, request, plan } = await setup()
    await expect(w.provider.restore(plan, dyingAt(w, 4))).rejects.toThrow(Killed)
    const { targets = [] } = await w.provider.resume!.restore(interrupted(w, request), again(w))
    expect(targets.map(({ name }) => name)).toEqual(['copy-1', 'copy-2'])
    for (const { id } of targets) expect(w.daytona.world.sandboxes.get(id)!.state).toBe('started')
    expect(names(w)).toHaveLength(3)
  })

  test('whose sandbox was deleted since says that, and not that nothing was sent', async () => {
    const { w, request } = await begun()
    w.daytona.world.sandboxes.delete(boxCalled(w, 'copy').id)
    const problem = await refusal(w.provider.resume!.restore(interrupted(w, request), again(w)), 'CONFLICT')
    expect(problem.message).toMatch(/"copy" was begun, and then deleted/)
    expect(problem.outcome).toBe('not_started')
  })

  test.for(['stopped', 'stopping', 'archived', 'archiving', 'paused', 'pausing'] as const)(
    'whose sandbox is %s by now has made it, and says how it is',
    async (state) => {
      const { w, request } = await begun()
      Object.assign(boxCalled(w, 'copy'), { state, desiredState: 'stopped' })
      const slept = w.time.slept.length
      const { targets, warnings } = await w.provider.resume!.restore(interrupted(w, request), again(w))
      expect(targets).toMatchObject([{ name: 'copy' }])
      expect(warnings).toContain(`The sandbox "copy" was started, and is ${state} now.`)
      expect(w.time.slept.slice(slept)).toEqual([])
    },
  )

  test('whose sandbox is being started again by now waits for that', async () => {
    const { w, request } = await begun()
    const sandbox = boxCalled(w, 'copy')
    Object.assign(sandbox, { state: 'stopped', desiredState: 'started' })
    w.time.onSleep = () => Object.assign(sandbox, { state: 'started' })
    const { warnings } = await w.provider.resume!.restore(interrupted(w, request), again(w))
    expect(warnings).toHaveLength(1)
  })

  test('whose sandbox is broken by now does not delete it: somebody may have worked in it', async () => {
    const { w, request } = await begun()
    Object.assign(boxCalled(w, 'copy'), { state: 'error', errorReason: 'the disk is lost' })
    const resumed = w.provider.resume!.restore(interrupted(w, request), again(w))
    const problem = await refusal(resumed, 'PROVIDER_UNAVAILABLE')
    expect(problem).toMatchObject({ outcome: 'partial', retryable: false })
    expect(problem.message).toMatch(/the disk is lost.*still there/)
    expect(w.asked('DELETE', /./)).toBe(0)
  })

  test('does not take the sandbox of somebody else for its own', async () => {
    const { w, request, plan } = await setup()
    await expect(w.provider.restore(plan, dyingAt(w, 2))).rejects.toThrow(Killed)
    for (const sandbox of w.daytona.world.sandboxes.values()) sandbox.labels = {}
    const problem = await refusal(w.provider.resume!.restore(interrupted(w, request), again(w)), 'NETWORK')
    expect(problem.outcome).toBe('not_started')
  })
})
