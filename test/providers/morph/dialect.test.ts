import { describe, expect, test } from 'vitest'
import { morphDialect } from '../../../src/providers/morph/dialect.ts'
import type { ErrorCode } from '../../../src/snapshots/errors.ts'
import { world } from './world.ts'

const answer = (status: number, body: unknown, headers = {}) => ({
  status,
  headers,
  body,
  text: body === undefined ? '' : JSON.stringify(body),
})
const meant = (status: number, detail: unknown) => morphDialect.errorOf(answer(status, { detail }))

const MEANINGS: [status: number, detail: string, code: ErrorCode][] = [
  [400, 'Malformed', 'INVALID_ARGUMENT'],
  [401, 'Invalid or missing API key', 'UNAUTHENTICATED'],
  [402, 'Insufficient credit', 'QUOTA_EXCEEDED'],
  [403, 'Not yours', 'FORBIDDEN'],
  [403, 'Snapshot quota exceeded', 'QUOTA_EXCEEDED'],
  [404, 'Snapshot not found', 'NOT_FOUND'],
  [405, 'Method Not Allowed', 'UNSUPPORTED'],
  [408, 'Too slow', 'TIMEOUT'],
  [409, 'Instance cannot be snapshotted while it is saving', 'BUSY'],
  [409, 'Instance cannot be snapshotted', 'BUSY'],
  [409, 'Instance cannot be snapshotted while it is paused', 'CONFLICT'],
  [409, 'Something else is in the way', 'CONFLICT'],
  [422, 'Snapshot has failed', 'INVALID_ARGUMENT'],
  [429, 'Slow down', 'RATE_LIMITED'],
  [500, 'Internal Server Error', 'PROVIDER_UNAVAILABLE'],
  [502, 'Bad gateway', 'PROVIDER_UNAVAILABLE'],
  [503, 'Overloaded', 'PROVIDER_UNAVAILABLE'],
  [504, 'Gateway timeout', 'PROVIDER_UNAVAILABLE'],
]

describe('what Morph means', () => {
  test.each(MEANINGS)('by %i "%s" is %s', (status, detail, code) => {
    expect(meant(status, detail)).toMatchObject({ code, message: detail })
  })

  test('is put together where it finds several things wrong', () => {
    const issues = [
      { loc: ['body', 'vcpus'], msg: 'Input should be a valid integer', type: 'int_parsing' },
      { loc: ['query', 0], msg: 'Field required', type: 'missing' },
      'as it is',
    ]
    expect(meant(422, issues)?.message).toBe(
      'body.vcpus: Input should be a valid integer; query.0: Field required; as it is',
    )
  })

  test('is told with its own code, and in any shape', () => {
    const body = { detail: 'No more', error_code: 'limit_reached' }
    expect(morphDialect.errorOf(answer(403, body))).toEqual({
      code: 'QUOTA_EXCEEDED',
      message: 'No more (limit_reached)',
    })
    expect(meant(400, { reason: 7 })?.message).toBe('{"reason":7}')
  })

  test('is read from the status where there is no word', () => {
    expect(morphDialect.errorOf(answer(401, undefined))?.code).toBe('UNAUTHENTICATED')
    expect(morphDialect.errorOf(answer(404, undefined))?.code).toBe('NOT_FOUND')
  })

  test('is not guessed from what another has answered', () => {
    for (const body of [{ message: 'no' }, ['no'], 'no', null])
      expect(morphDialect.errorOf(answer(404, body))).toBeUndefined()
  })
})

test('waits and request ids are read from the usual headers', () => {
  const busy = answer(429, {}, { 'retry-after': '7', 'x-request-id': 'req-9' })
  expect(morphDialect.waitOf(busy, 0)).toBe(7000)
  expect(morphDialect.requestIdOf(busy)).toBe('req-9')
  expect(morphDialect.waitOf(answer(429, {}), 0)).toBeUndefined()
  expect(morphDialect.requestIdOf(answer(200, {}))).toBeUndefined()
})

test('an error that repeats the key, and text that acts on a terminal, are harmless in a message', async () => {
  const { morph, provider, context, trouble, problem } = await world()
  const detail = `Bad key ${morph.key}\u001b[2J of \u202euser`
  trouble('GET /snapshot/*', { answer: { status: 403, body: { detail } } })
  const { message } = await problem(provider.get('snapshot_1', context()), 'FORBIDDEN')
  expect(message).toBe('Morph answered 403: Bad key [secret]?[2J of ?user. Nothing was changed.')
})
