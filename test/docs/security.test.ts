import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { PROJECT } from '../support/server.ts'

/** One row of the tables of docs/security.md. */
interface Line {
  id: string
  text: string
  tests: { file: string; title: string }[]
  /** What else stands in its column. */
  rest: string
}

/** A file, and titles of it. */
const NAMED = /`([^`]+)`((?:;? \*[^*]+\*)+)/g

const LINES: Line[] = readFileSync(join(PROJECT, 'docs/security.md'), 'utf8')
  .split('\n')
  .flatMap((row) => {
    const [, id = '', ...cells] = row.split('|').map((cell) => cell.trim())
    if (!/^[CV]\d+$/.test(id)) return []
    const named = cells[2] ?? ''
    const tests = [...named.matchAll(NAMED)].flatMap(([, file = '', titles = '']) =>
      [...titles.matchAll(/\*([^*]+)\*/g)].map(([, title = '']) => ({ file, title })),
    )
    return [{ id, text: cells.join(' '), tests, rest: named.replace(NAMED, '') }]
  })

const upTo = (letter: string, last: number) =>
  Array.from({ length: last }, (_, index) => `${letter}${index + 1}`)

/** As it stands in a source: some titles are templates, and quotes are theirs. */
function has(source: string, title: string): boolean {
  return ["'", '"', '`'].some((quote) => source.includes(`${quote}${title}${quote}`))
}

test('every line of the checklist and of the record is there once, in order', () => {
  expect(LINES.map(({ id }) => id)).toEqual([...upTo('C', 50), ...upTo('V', 24)])
})

test('every line names a test, or why there is none', () => {
  const without = LINES.filter(({ tests }) => tests.length === 0)
  for (const { text } of without) expect(text).toContain('Does not apply: ')
  expect(without.map(({ id }) => id)).toEqual(['V18'])
})

test('every test that is named exists', () => {
  const missing = LINES.flatMap(({ id, tests }) =>
    tests
      .filter(({ file, title }) => {
        const path = join(PROJECT, 'test', file)
        return !existsSync(path) || !has(readFileSync(path, 'utf8'), title)
      })
      .map(({ file, title }) => `${id}: ${file}: ${title}`),
  )
  expect(missing).toEqual([])
})

test('nothing else stands in the column of tests', () => {
  expect(LINES.filter(({ rest }) => !/^(?:; )*$/.test(rest)).map(({ id }) => id)).toEqual([])
})
