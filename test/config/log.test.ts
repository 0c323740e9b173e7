import { expect, test } from 'vitest'
import { createLog, type Level } from '../../src/log.ts'
import { outsideRequests, withRequest } from '../../src/request-context.ts'

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

test('every line of a request names it and its trace, also after a wait, and no other line does', async () => {
  const lines: Record<string, unknown>[] = []
  const log = createLog({ level: 'info', write: (line) => void lines.push(JSON.parse(line)), clock: () => 0 })
  const work = async (what: string) => {
    await new Promise((resolve) => setTimeout(resolve, 1))
    log.info(what, { request: 'posing', trace: 'posing' })
  }
  await Promise.all([
    withRequest({ request: 'one', trace: 'a'.repeat(32) }, () => work('first')),
    withRequest({ request: 'two' }, () => work('second')),
    withRequest({ request: 'three' }, () => outsideRequests(async () => log.info('upkeep'))),
  ])
  log.info('nobody')
  const named = (message: string) => lines.find((line) => line.message === message)
  expect(named('first')).toMatchObject({ request: 'one', trace: 'a'.repeat(32) })
  expect(named('second')).toMatchObject({ request: 'two' })
  for (const message of ['upkeep', 'nobody']) expect(named(message)).not.toHaveProperty('request')
  expect(Object.keys(named('first')!)).toEqual(['time', 'level', 'message', 'request', 'trace'])
})
