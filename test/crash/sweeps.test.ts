import { dirname } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cannotMount, fullDisk } from '../../scripts/crash/full-disk.ts'
import { erase } from '../../scripts/crash/lane.ts'
import { OPERATIONS } from '../../scripts/crash/operations.ts'
import { KINDS } from '../../scripts/crash/points.ts'
import { powerLoss } from '../../scripts/crash/power-loss/sweep.ts'
import { randomFrom, sampleOf } from '../../scripts/crash/random.ts'
import { bundleDriver } from '../../scripts/crash/run.ts'
import { cannotTrace } from '../../scripts/crash/strace.ts'
import { type Outcome, sweep } from '../../scripts/crash/sweep.ts'

/** A sample, the same each time, of what `npm run test:crash` does in full. */
const untraceable = await cannotTrace()
const noDisk = cannotMount()
const skipped = (reason: string | undefined) => (reason === undefined ? '' : ` [SKIPPED: ${reason}]`)

const broken = (outcomes: Outcome[]) =>
  outcomes
    .filter(({ violations }) => violations.length > 0)
    .map(({ kind, what, violations }) => `${kind} at ${what}: ${violations.join(' | ')}`)

let bundle: string
beforeAll(async () => {
  bundle = await bundleDriver()
})
afterAll(() => erase(dirname(bundle)))

describe.skipIf(untraceable)(`broken off at a system call${skipped(untraceable)}`, () => {
  test.each(OPERATIONS.map((operation, n) => [operation, n + 1] as const))('%s', async (operation, seed) => {
    const outcomes = await sweep({
      ...{ operation, bundle, kinds: KINDS, lanes: 1 },
      choose: (points) => sampleOf(points, 5, randomFrom(seed)),
    })
    expect(outcomes).toHaveLength(5)
    expect(broken(outcomes)).toEqual([])
  })
})

describe.skipIf(untraceable)(`a power cut${skipped(untraceable)}`, () => {
  test.each(['create', 'restore', 'delete', 'purge'] as const)('%s', async (operation) => {
    const random = randomFrom(7)
    const outcomes = await powerLoss({
      ...{ operation, bundle, random },
      choose: (states) => sampleOf(states, 6, random),
    })
    expect(outcomes).toHaveLength(6)
    expect(broken(outcomes)).toEqual([])
  })

  test('loses something where nothing is ever synced: the sweep would see it', async () => {
    const random = randomFrom(7)
    const outcomes = await powerLoss({
      ...{ operation: 'create' as const, bundle, random, withoutSyncs: true },
      choose: (states) => sampleOf(states, 25, random),
    })
    expect(broken(outcomes)).not.toEqual([])
  })
})

describe.skipIf(noDisk)(`a disk that is really full${skipped(noDisk)}`, () => {
  test.each(['create', 'restore', 'delete'] as const)('%s', async (operation) => {
    const outcomes = await fullDisk(operation, bundle, [{ bytes: 0 }, { files: 0 }, { files: 5 }])
    expect(broken(outcomes)).toEqual([])
  })
})
