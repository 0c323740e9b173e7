import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { judge } from '../../scripts/mutants/judge.ts'
import { LAYERS } from '../../scripts/mutants/layers.ts'
import { type Mutant, mutated } from '../../scripts/mutants/mutant.ts'
import { PROJECT } from '../support/server.ts'

const MUTANTS = LAYERS.flatMap(({ mutants }) => mutants)

/** `npm run test:mutants` runs them; this is what can be told without it. */
describe('the checks that are taken away one at a time (G34)', () => {
  test('are where they are said to be', () => {
    for (const mutant of MUTANTS) {
      const source = readFileSync(join(PROJECT, 'src', mutant.file), 'utf8')
      expect(mutated(source, mutant), mutant.without).not.toBe(source)
    }
  })

  test('are missed by tests that exist', () => {
    const files = new Set(MUTANTS.flatMap(({ tests }) => tests))
    expect([...files].filter((file) => !existsSync(join(PROJECT, 'test', file)))).toEqual([])
    expect(MUTANTS.filter(({ red, tests }) => red === '' || tests.length === 0)).toEqual([])
  })
})

describe('the judge', () => {
  const mutant: Mutant = {
    without: 'the lock',
    file: 'door.ts',
    find: 'locked()',
    instead: 'true',
    tests: ['door.test.ts'],
    red: 'stays shut',
  }
  const result = (title: string, failure?: string) => ({
    file: 'door.test.ts',
    title: `a door ${title}`,
    ...(failure !== undefined && { failure }),
  })
  const green = result('can be opened')

  test('is content when the test that was named goes red', () => {
    const tests = [green, result('stays shut', 'expected FORBIDDEN, got a reply')]
    expect(judge(mutant, { tests }, 2)).toEqual({ mutant, noticedBy: tests[1] })
  })

  test.each([
    ['nobody notices', { tests: [green, result('stays shut')] }, 'survived'],
    [
      'somebody else notices',
      { tests: [result('can be opened', 'no'), result('stays shut')] },
      'only others',
    ],
    ['the code falls over', { tests: [green, result('stays shut', 'TypeError: no lock')] }, 'by accident'],
    [
      'the guard falls over',
      { tests: [green, result('stays shut', 'got {"code":"INTERNAL"}')] },
      'by accident',
    ],
    ['a test is not run', { tests: [result('stays shut', 'expected FORBIDDEN')] }, '1 tests ran'],
    ['the tests do not load', { tests: [], trouble: 'door.test.ts: no such file' }, 'nothing was tested'],
  ])('is not content when %s', (_what, findings, words) => {
    const { noticedBy, problem } = judge(mutant, findings, 2)
    expect(noticedBy).toBeUndefined()
    expect(problem).toContain(words)
  })

  test.each(['', 'locked() && locked()'])('is not even asked when the source is %j', (source) => {
    expect(() => mutated(source, mutant)).toThrow('and not once')
  })
})
