import { describe, expect, onTestFinished, test } from 'vitest'
import type { Recovered } from '../../src/snapshots/interrupted.ts'
import type { Context } from '../../src/snapshots/provider.ts'
import type { RestoreReply } from '../../src/snapshots/replies.ts'
import { args, caller, createWorld, refusal, type World } from './world.ts'

/** A restore that does not end before the test does, and a service that starts later. Its safety snapshot is on record. */
async function hanging() {
  let told = (_operation: string) => {}
  let release = () => {}
  const restored = new Promise<string>((resolve) => {
    told = resolve
  })
  const hang = ({ operation }: Context) => {
    told(operation)
    return new Promise<void>((resolve) => {
      release = resolve
    })
  }
  const world = createWorld({ memory: { at: { restored: hang } } })
  onTestFinished(() => release())
  const snapshot = await world.saveAndSpoil()
  const { confirmation } = (await world.service.restore(args.restore({ snapshot }), caller())) as RestoreReply
  const call = args.restore({ snapshot, confirmation })
  world.service.restore(call, caller()).catch(() => {})
  const operation = await restored
  return { world, call, operation, later: world.start() }
}

/** Has the provider tell this outcome, once. */
function taking(world: World, recovered: Recovered): void {
  let settled = false
  world.provider.recover = async ({ settle }) => {
    if (!settled) await settle(recovered)
    settled = true
  }
}

const stateOf = async (service: World['service'], operation: string) => {
  const { operations, undoable } = await service.status(args.status(), caller())
  const found = operations.find((each) => each.operation === operation)
  return [found?.state, undoable.some((each) => each.operation === operation)]
}

describe('the record of an operation that was taken up', () => {
  test('finished: it is done, can be undone, and a repeat is told so', async () => {
    const { world, call, operation, later } = await hanging()
    taking(world, { operation, outcome: 'finished', message: 'Finished.', fingerprint: 'as left' })
    expect(await stateOf(later, operation)).toEqual(['done', true])
    expect((await world.state.read('operation', operation))?.value).toMatchObject({ left: 'as left' })
    const repeat = await refusal(later.restore(call, caller()), 'PLAN_CONSUMED')
    expect(repeat.details).toEqual({ operation, outcome: 'done' })
  })

  test('rolled back: it has failed, there is nothing to undo, and a repeat is told so', async () => {
    const { world, call, operation, later } = await hanging()
    taking(world, { operation, outcome: 'rolled_back', message: 'Rolled back.' })
    expect(await stateOf(later, operation)).toEqual(['failed', false])
    await refusal(later.undo(args.undo(operation), caller()), 'CONFLICT')
    const repeat = await refusal(later.restore(call, caller()), 'PLAN_CONSUMED')
    expect(repeat.details).toEqual({ operation, outcome: 'failed' })
  })

  test('left: it is not known how it ended, and it can be undone', async () => {
    const { world, call, operation, later } = await hanging()
    taking(world, { operation, outcome: 'left', message: 'Left.' })
    expect(await stateOf(later, operation)).toEqual(['unknown', true])
    await refusal(later.restore(call, caller()), 'PLAN_CONSUMED')
  })

  test('stays as it is when it had ended already, or is not there', async () => {
    const world = createWorld()
    const snapshot = await world.saveAndSpoil()
    const { confirmation } = (await world.service.restore(
      args.restore({ snapshot }),
      caller(),
    )) as RestoreReply
    const { operation } = (await world.service.restore(
      args.restore({ snapshot, confirmation }),
      caller(),
    )) as { operation: string }
    for (const id of [operation, 'op_00000000000000000000']) {
      taking(world, { operation: id, outcome: 'rolled_back', message: 'Rolled back.' })
      expect(await stateOf(world.start(), operation)).toEqual(['done', true])
    }
  })
})

describe('a provider that takes up what was interrupted', () => {
  const SOURCE = { kind: 'box', id: 'desk', name: 'desk' }

  test('does so before the first call, under the lock on the source', async () => {
    const world = createWorld()
    const held: unknown[] = []
    world.provider.recover = async ({ hold }) => {
      const lock = await hold(SOURCE)
      held.push(lock !== undefined, await hold(SOURCE))
      await lock?.release()
    }
    await world.service.list(args.list(), caller())
    expect(held).toEqual([true, undefined])
  })

  test('does so once for calls that come at once, and they wait', async () => {
    const world = createWorld()
    const order: string[] = []
    world.provider.recover = async () => {
      order.push('begins')
      await new Promise((resolve) => setTimeout(resolve, 20))
      order.push('ends')
    }
    await Promise.all(
      [1, 2, 3].map(() =>
        world.service.get(args.get({ snapshot: 'memory:none' }), caller()).catch(() => order.push('call')),
      ),
    )
    expect(order).toEqual(['begins', 'ends', 'call', 'call', 'call'])
  })

  test('and fails keeps nobody from working', async () => {
    const world = createWorld()
    world.provider.recover = async () => {
      throw new Error('the journal is on fire')
    }
    await world.saveAndSpoil()
    expect((await world.service.list(args.list(), caller())).items).toHaveLength(1)
  })

  test('is not asked to by a server that only reads', async () => {
    const world = createWorld({ policy: { read_only: true } })
    let asked = false
    world.provider.recover = async () => {
      asked = true
    }
    await world.service.list(args.list(), caller())
    expect(asked).toBe(false)
  })
})
