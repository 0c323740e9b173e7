import { readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { createPassedTime } from '../../../../src/providers/local/store/passed-time.ts'
import { temporaryDirectory } from '../../../snapshots/world.ts'

const HOUR = 3_600_000
const YEAR = 365 * 24 * HOUR

/** Clocks that go as they are told, and a count of them that is opened anew each time, as by another process. */
function clocks() {
  const path = join(temporaryDirectory(), 'passed.json')
  const now = { wall: Date.parse('2030-01-01T00:00:00Z'), up: 500 * HOUR }
  const passed = () => createPassedTime(path, { clock: () => now.wall, uptime: () => now.up })()
  return {
    now,
    path,
    passed,
    wait(ms: number) {
      now.wall += ms
      now.up += ms
    },
  }
}

test('it begins at nothing, and passes', () => {
  const { passed, wait } = clocks()
  expect(passed()).toBe(0)
  for (const hours of [1, 3, 72]) {
    const before = passed()
    wait(hours * HOUR)
    expect(passed() - before).toBe(hours * HOUR)
  }
})

test('small steps are not lost, though not each is written', () => {
  const { passed, wait } = clocks()
  passed()
  for (let n = 0; n < 100; n++) {
    wait(1000)
    passed()
  }
  expect(passed()).toBe(100_000)
})

test('a wall clock that jumps moves nothing, forwards or back', () => {
  const { now, passed, wait } = clocks()
  passed()
  now.wall += YEAR
  wait(HOUR)
  expect(passed()).toBe(HOUR)
  now.wall -= 3 * YEAR
  wait(HOUR)
  expect(passed()).toBe(2 * HOUR)
})

test('across a boot the wall clock is believed for a day at most, and never backwards', () => {
  const { now, passed, wait } = clocks()
  passed()
  wait(HOUR)
  passed()
  now.up = 1000
  now.wall += 5 * HOUR
  expect(passed()).toBe(6 * HOUR)
  now.up = 500
  now.wall += YEAR
  expect(passed()).toBe(30 * HOUR)
  now.up = 100
  now.wall -= YEAR
  expect(passed()).toBe(30 * HOUR)
})

test('a count that was lost begins again', () => {
  const { path, passed, wait } = clocks()
  passed()
  wait(5 * HOUR)
  expect(passed()).toBe(5 * HOUR)
  writeFileSync(path, 'torn')
  expect(passed()).toBe(0)
})

test.each([
  ['in its place', 'passed.json'],
  ['where a draft of it could be', `passed.json.${process.pid}.tmp`],
])('a link %s is not written through', (_where, name) => {
  const { path, passed, wait } = clocks()
  const victim = join(dirname(path), 'victim')
  writeFileSync(victim, 'of somebody')
  symlinkSync(victim, join(dirname(path), name))
  passed()
  wait(HOUR)
  expect(passed()).toBe(HOUR)
  expect(readFileSync(victim, 'utf8')).toBe('of somebody')
})
