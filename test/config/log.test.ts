import { expect, test } from 'vitest'
import { createLog, type Level } from '../../src/log.ts'

function logged(level: Level, use: (log: ReturnType<typeof createLog>) => void) {
  const lines: string[] = []
  use(createLog({ level, write: (line) => lines.push(line), clock: () => 0 }))
  expect(lines.every((line) => line.endsWith('\n') && !line.slice(0, -1).includes('\n'))).toBe(true)
  return lines.map((line) => JSON.parse(line))
}

test('one JSON line an entry, from the level on', () => {
  const all = (log: ReturnType<typeof createLog>) => {
    for (const level of ['debug', 'info', 'warn', 'error'] as const) log[level](`a\n${level}`, { n: 1n })
  }
  expect(logged('warn', all)).toEqual([
    { time: '1970-01-01T00:00:00.000Z', level: 'warn', message: 'a\nwarn', n: '1' },
    { time: '1970-01-01T00:00:00.000Z', level: 'error', message: 'a\nerror', n: '1' },
  ])
  expect(logged('debug', all)).toHaveLength(4)
})

test('errors keep name, message, code and cause; stacks are for debugging', () => {
  const error = Object.assign(new TypeError('bad', { cause: new Error('deeper') }), {
    code: 'EBAD',
    secret: 'x',
  })
  const [quiet] = logged('info', (log) => log.error('failed', { error }))
  expect(quiet.error).toEqual({
    name: 'TypeError',
    message: 'bad',
    code: 'EBAD',
    cause: { name: 'Error', message: 'deeper' },
  })
  const [verbose] = logged('debug', (log) => log.error('failed', { error }))
  expect(verbose.error.stack).toContain('log.test.ts')
})

test('data cannot pose as the entry itself, and what cannot be written is left out', () => {
  const circular: Record<string, unknown> = {}
  circular.self = circular
  const [posing, lost] = logged('info', (log) => {
    log.info('real', { level: 'error', message: 'fake' })
    log.info('round', circular)
  })
  expect(posing).toMatchObject({ level: 'info', message: 'real' })
  expect(lost).toMatchObject({ message: 'round', data: 'unserializable' })
})
