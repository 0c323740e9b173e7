import { expect, test } from 'vitest'
import { rising } from '../../src/providers/rising.ts'
import type { Context } from '../../src/snapshots/provider.ts'

const NO_LOG = { debug() {}, info() {}, warn() {}, error() {} }

/** What the caller hears of these numbers. */
function heard(numbers: number[]): number[] {
  const told: number[] = []
  const ctx: Context = {
    signal: new AbortController().signal,
    log: NO_LOG,
    operation: 'op_1',
    progress: (done) => void told.push(done),
  }
  const { progress } = rising(ctx)
  for (const number of numbers) progress(number, undefined, 'working')
  return told
}

test('progress that rises is told as it is', () => {
  expect(heard([1, 3, 10])).toEqual([1, 3, 10])
})

test('a step that counts from its own beginning goes on where the one before ended', () => {
  expect(heard([2, 5, 1, 4, 0, 3])).toEqual([2, 5, 6, 9, 12])
})

test('what is no news is not told', () => {
  expect(heard([0, 0, 4, 4, 0, 0])).toEqual([4])
})

test('all else of the context is as it was', () => {
  const note = async () => {}
  const ctx = { signal: AbortSignal.abort(), log: NO_LOG, operation: 'op_1', progress() {}, note }
  expect(rising(ctx)).toMatchObject({ signal: ctx.signal, operation: 'op_1', note })
})
