import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ERROR_CODES, type ErrorCode, RESERVED } from '../../src/snapshots/errors.ts'
import { PROJECT } from './support/process.ts'

const TABLE = join('snapshots', 'errors.ts')

test('exactly the codes that nothing answers with are called reserved', () => {
  const directory = join(PROJECT, 'src')
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' })
  const source = files
    .filter((file) => file.endsWith('.ts') && file !== TABLE)
    .map((file) => readFileSync(join(directory, file), 'utf8'))
    .join('\n')
  const codes = Object.keys(ERROR_CODES) as ErrorCode[]
  // INTERNAL is what the table's own file answers with when nothing else fits.
  const unused = codes.filter((code) => code !== 'INTERNAL' && !source.includes(`'${code}'`))
  expect(unused).toEqual(codes.filter((code) => RESERVED.has(code)))
})
