import { mkdirSync, mkdtempSync, renameSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { whileUnchanged } from '../../../src/providers/local/unchanged.ts'

const LATER_MS = 60_000

/** Two directories, and how often they were read. */
function shelves() {
  const dir = mkdtempSync(join(tmpdir(), 'snapshot-mcp-unchanged-'))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  const [one, other] = [join(dir, 'one'), join(dir, 'other')] as const
  for (const directory of [one, other]) mkdirSync(directory)
  let reads = 0
  let after = LATER_MS
  const read = whileUnchanged(
    [one, other],
    () => ++reads,
    () => Math.max(statSync(one).ctimeMs, statSync(other).ctimeMs) + after,
  )
  return {
    one,
    other,
    read,
    soon() {
      after = 1
    },
    late() {
      after = LATER_MS
    },
  }
}

test('what nobody changed is read once', () => {
  const { read } = shelves()
  expect([read(), read(), read()]).toEqual([1, 1, 1])
})

test('a file that comes, goes or is replaced in any of the directories is seen at once', () => {
  const { one, other, read } = shelves()
  const file = join(other, 'file')
  expect(read()).toBe(1)
  writeFileSync(file, 'a')
  expect([read(), read()]).toEqual([2, 2])
  writeFileSync(join(one, 'draft'), 'b')
  expect(read()).toBe(3)
  renameSync(join(one, 'draft'), file)
  expect([read(), read()]).toEqual([4, 4])
  unlinkSync(file)
  expect([read(), read()]).toEqual([5, 5])
})

test('soon after a change nothing is taken for unchanged: a second change may leave the same mark', () => {
  const { read, soon, late } = shelves()
  soon()
  expect([read(), read()]).toEqual([1, 2])
  late()
  expect([read(), read()]).toEqual([3, 3])
})
