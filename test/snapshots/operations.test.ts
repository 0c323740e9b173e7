import { randomBytes } from 'node:crypto'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { SnapshotError } from '../../src/snapshots/errors.ts'
import type { Operation } from '../../src/snapshots/operation.ts'
import { createOperations } from '../../src/snapshots/operations.ts'
import { createFileStore } from '../../src/state/file-store.ts'
import { thisRunner } from '../../src/state/runner.ts'
import { shaky } from './shaky-store.ts'
import { NOON, temporaryDirectory } from './world.ts'

const clock = () => NOON
const BEGINNING = {
  type: 'restore' as const,
  provider: 'memory',
  principal: 'ann',
  summary: 'Restore the desk.',
  targets: [],
}

/** Where operations are recorded, over a line that may break, and what another server sees there. */
function ledger() {
  const store = createFileStore({ directory: temporaryDirectory(), clock })
  const { state, ...line } = shaky(store)
  const operations = createOperations({ state, clock, random: randomBytes })
  onTestFinished(() => operations.close())
  return {
    ...line,
    store,
    operations,
    begin: () => operations.begin(operations.newId(), BEGINNING),
    stateOf: async (id: string) => (await operations.find(id, 'ann'))?.operation.state,
    onRecord: async (id: string) => (await store.read('operation', id))?.value as Operation | undefined,
  }
}

const codeOf = (error: unknown) => (error instanceof SnapshotError ? error.code : error)

describe('an operation whose record could not be written for certain', () => {
  test('ends as it ended after a note that arrived without an answer', async () => {
    const { begin, stateOf, loseAnswerTo, comeBack, onRecord } = ledger()
    const run = await begin()
    loseAnswerTo('operation')
    await expect(run.note({ facts: { mark: 1 } })).rejects.toThrow()
    await expect(run.end('failed')).rejects.toThrow()
    comeBack()
    expect(await stateOf(run.id)).toBe('failed')
    expect(await onRecord(run.id)).toMatchObject({ state: 'failed' })
  })

  test('takes the next note after one that arrived without an answer', async () => {
    const { begin, loseAnswerTo, comeBack, onRecord } = ledger()
    const run = await begin()
    loseAnswerTo('operation')
    await expect(run.note({ facts: { mark: 1 } })).rejects.toThrow()
    comeBack()
    await run.note({ facts: { mark: 2 } })
    await run.end('done')
    expect(await onRecord(run.id)).toMatchObject({ state: 'done', facts: { mark: 2 } })
  })

  test('is not running when it was taken up and nobody heard that it was, and can be taken up again', async () => {
    const { begin, store, operations, loseAnswerTo, comeBack, stateOf, onRecord } = ledger()
    const { id, operation } = await begin()
    await store.write('operation', id, { ...operation, runner: { ...thisRunner(), pid: 2 ** 22 + 1 } }, 1)
    loseAnswerTo('operation')
    await expect(operations.adopt(id)).rejects.toThrow()
    comeBack()
    expect(await stateOf(id)).toBe('unknown')
    const run = await operations.adopt(id)
    expect(await stateOf(id)).toBe('running')
    await run?.end('done')
    expect(await onRecord(id)).toMatchObject({ state: 'done' })
  })

  test('never began when it could not be discarded', async () => {
    const { begin, operations, leave, comeBack, onRecord } = ledger()
    const run = await begin()
    leave()
    await operations.discard(run)
    comeBack()
    const found = await operations.find(run.id, 'ann')
    expect(found?.operation).toMatchObject({ state: 'failed', error: { outcome: 'not_started' } })
    expect(await onRecord(run.id)).toMatchObject({ state: 'failed' })
  })
})

describe('a state that forgot what it was told last', () => {
  test('is told the end of an operation whose last note it forgot', async () => {
    const { begin, store, onRecord } = ledger()
    const run = await begin()
    const before = await store.read('operation', run.id)
    await run.note({ facts: { mark: 1 } })
    await store.remove('operation', run.id)
    await store.write('operation', run.id, before?.value, 0)
    await run.end('done')
    expect(await onRecord(run.id)).toMatchObject({ state: 'done', facts: { mark: 1 } })
  })

  test('is told of the whole operation when it forgot that', async () => {
    const { begin, store, onRecord } = ledger()
    const run = await begin()
    await store.remove('operation', run.id)
    await run.end('done', { left: 'fingerprint' })
    expect(await onRecord(run.id)).toMatchObject({ state: 'done', left: 'fingerprint' })
  })

  test('is not told of one that never began', async () => {
    const { begin, operations, store, leave, comeBack, stateOf, onRecord } = ledger()
    const run = await begin()
    leave()
    await operations.discard(run)
    await store.remove('operation', run.id)
    comeBack()
    expect(await stateOf(run.id)).toBeUndefined()
    expect(await onRecord(run.id)).toBeUndefined()
  })

  test('makes a note fail with an error that says so', async () => {
    const { begin, store } = ledger()
    const run = await begin()
    await store.remove('operation', run.id)
    expect(await run.note({ facts: {} }).catch(codeOf)).toBe('CONFLICT')
  })

  test('and where another server took the operation up, that one ends it', async () => {
    const { begin, store, onRecord } = ledger()
    const run = await begin()
    await store.write('operation', run.id, { ...run.operation, runner: { pid: 1, host: 'other' } }, 1)
    expect(await run.end('done').catch(codeOf)).toBe('CONFLICT')
    expect(await onRecord(run.id)).toMatchObject({ state: 'running', runner: { host: 'other' } })
  })
})

describe('an end that is not on record yet', () => {
  afterEach(() => {
    vi.useRealTimers()
  })

  /** One that ended while the state was away. */
  async function owing() {
    const it = ledger()
    const run = await it.begin()
    it.leave()
    await expect(run.end('done')).rejects.toThrow()
    return { ...it, id: run.id }
  }

  test('gets there on its own, for others to see', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { comeBack, onRecord, id, operations } = await owing()
    expect(operations.owes()).toBe(true)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(await onRecord(id)).toMatchObject({ state: 'running' })
    comeBack()
    await vi.advanceTimersByTimeAsync(10_000)
    await expect.poll(() => onRecord(id)).toMatchObject({ state: 'done' })
    await expect.poll(() => operations.owes()).toBe(false)
  })

  test('gets there before the server closes', async () => {
    const { comeBack, onRecord, id, operations } = await owing()
    comeBack()
    await operations.close()
    expect(await onRecord(id)).toMatchObject({ state: 'done' })
    expect(operations.owes()).toBe(false)
  })

  test('keeps no other from getting there when its record is damaged', async () => {
    const { comeBack, store, begin, onRecord, operations, leave } = ledger()
    const [bad, good] = [await begin(), await begin()]
    leave()
    for (const run of [bad, good]) await expect(run.end('done')).rejects.toThrow()
    await store.write('operation', bad.id, { v: 2 }, 1)
    comeBack()
    await operations.close()
    expect(await onRecord(good.id)).toMatchObject({ state: 'done' })
    expect(await onRecord(bad.id)).toEqual({ v: 2 })
    expect(operations.owes()).toBe(false)
  })
})
