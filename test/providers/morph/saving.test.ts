import { describe, expect, test } from 'vitest'
import { native, type World, world } from './world.ts'

/** An account at an older server, which shows nothing of a capture before it is done: after three minutes of sleep. */
async function slow(): Promise<World> {
  const its = await world({ synchronous: true })
  const release = its.morph.hold()
  its.time.onSleep = () => its.time.slept.reduce((sum, ms) => sum + ms, 0) > 180_000 && release()
  return its
}

const asked = (its: World) => ({ source: its.source, name: 'x', labels: {}, auto: false, protected: false })

const saving = ({ morph }: World) => expect.poll(() => morph.instance.status).toBe('saving')

describe('while an instance is being saved', () => {
  test('a create whose answer does not come waits for what comes of it', async () => {
    const its = await slow()
    const creating = its.create({ name: 'slow' })
    await saving(its)
    // Longer than any answer is waited for: the instance is looked at from then on.
    its.time.pass(11 * 60_000)
    const made = await creating
    expect(made).toMatchObject({ name: 'slow', state: 'ready' })
    expect(its.shelf().map(({ id }) => id)).toEqual([native(made)])
    expect(its.asked('POST /instance/*/snapshot')).toBe(1)
  })

  test('a create of a process that is gone is not over', async () => {
    const its = await slow()
    const ctx = its.context()
    const first = its.create({}, ctx)
    await saving(its)
    const left = { operation: ctx.operation, started_at: 0, request: asked(its), facts: ctx.notes.at(-1) }
    const { snapshot } = await its.restart().resume!.create(left, its.context())
    expect(snapshot).toMatchObject({ state: 'ready' })
    expect(await first).toEqual(snapshot)
  })

  test('by somebody else, nothing is made of what was never sent', async () => {
    const its = await slow()
    const other = its.create()
    await saving(its)
    const left = { operation: 'op_never', started_at: 0, request: asked(its), facts: { digest: 'd' } }
    const resumed = its.restart().resume!.create(left, its.context())
    expect(await its.problem(resumed, 'NETWORK')).toMatchObject({ outcome: 'not_started', retryable: true })
    expect(its.shelf().map(({ id }) => id)).toEqual([native(await other)])
  })

  test('by somebody else, nothing came of a request that was lost', async () => {
    const its = await slow()
    const other = its.create()
    await saving(its)
    its.trouble('POST /instance/*/snapshot', 'reset')
    const lost = await its.problem(its.create(), 'PROVIDER_UNAVAILABLE')
    expect(lost).toMatchObject({ outcome: 'not_started', retryable: true })
    expect(its.shelf().map(({ id }) => id)).toEqual([native(await other)])
  })

  test('for longer than anybody waits, the outcome is open', async () => {
    const its = await slow()
    its.time.onSleep = () => {}
    its.morph.instance.status = 'saving'
    const left = { operation: 'op_open', started_at: 0, request: asked(its), facts: { digest: 'd' } }
    const resumed = its.restart().resume!.create(left, its.context())
    expect(await its.problem(resumed, 'TIMEOUT')).toMatchObject({ outcome: 'unknown' })
  })

  test('and is stopped then, what is not there was not made', async () => {
    const its = await slow()
    its.morph.instance.status = 'saving'
    its.time.onSleep = () => its.morph.cloud.instances.delete(its.source.id)
    const left = { operation: 'op_gone', started_at: 0, request: asked(its), facts: { digest: 'd' } }
    const resumed = its.restart().resume!.create(left, its.context())
    expect(await its.problem(resumed, 'NETWORK')).toMatchObject({ outcome: 'not_started' })
  })
})
