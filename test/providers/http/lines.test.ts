import { describe, expect, onTestFinished, test } from 'vitest'
import { type EmulatorServer, serveEmulator } from '../../emulators/http.ts'
import { chaosProxy } from '../../support/chaos-proxy.ts'
import { CANARY, type World, world } from './world.ts'

type Pieces = (string | Buffer)[] | AsyncGenerator<string>

/** A log somewhere else, as a vendor hands out its address. It comes in these pieces. */
async function logOf(pieces: Pieces): Promise<EmulatorServer> {
  const server = await serveEmulator({
    authorize: ({ headers }) => (headers.authorization === `Bearer ${CANARY}` ? undefined : { status: 401 }),
    notFound: () => ({ status: 404 }),
    badJson: () => ({ status: 400 }),
    routes: {
      'GET /log': () => ({
        status: 200,
        stream: (async function* () {
          yield* pieces
        })(),
      }),
    },
  })
  onTestFinished(() => server.close())
  return server
}

const trusting = () => world({ trusts: ({ hostname }) => hostname === '127.0.0.1' })
const follow = ({ http, ctx }: World, origin: string) =>
  http.lines({ url: `${origin}/log?a=1`, query: { follow: true }, timeoutMs: 600_000 }, ctx)

async function all(lines: AsyncGenerator<string>): Promise<string[]> {
  const got: string[] = []
  for await (const line of lines) got.push(line)
  return got
}

describe('a log', () => {
  test.for<[string, Pieces, string[]]>([
    [
      'cut anywhere',
      [...Buffer.from('eins\nzw\u00f6lf\n\u{1f600}\n')].map((byte) => Buffer.of(byte)),
      ['eins', 'zw\u00f6lf', '\u{1f600}'],
    ],
    ['with other ends', ['a\r\nb\r', '\n\nc'], ['a', 'b', '', 'c']],
    ['that is empty', [], []],
    ['that ends within a character', ['a', Buffer.from([0xc3])], ['a\ufffd']],
    ['of one long line', Array.from({ length: 100 }, () => 'x'.repeat(9999)), ['x'.repeat(8192)]],
    [
      'that holds the key',
      [`the key is ${CANARY.slice(0, 5)}`, `${CANARY.slice(5)}!\n`],
      ['the key is [secret]!'],
    ],
  ])('%s comes in lines', async ([, pieces, lines]) => {
    const log = await logOf(pieces)
    expect(await all(follow(await trusting(), log.url))).toEqual(lines)
    expect(log.requests).toMatchObject([{ query: 'a=1&follow=true' }])
  })

  test('is read while it grows', async () => {
    let more = (_: string) => {}
    const next = () => new Promise<string>((resolve) => (more = resolve))
    const log = await logOf(
      (async function* () {
        yield 'first\n'
        yield await next()
      })(),
    )
    const lines = follow(await trusting(), log.url)
    expect(await lines.next()).toEqual({ done: false, value: 'first' })
    const second = lines.next()
    while (true) {
      more('second\n')
      if (await Promise.race([second.then(() => true), new Promise((resolve) => setImmediate(resolve))]))
        break
    }
    expect(await second).toEqual({ done: false, value: 'second' })
    expect(await lines.next()).toEqual({ done: true, value: undefined })
  })

  test('that nobody reads on is not sent on', async () => {
    let ended = () => {}
    const end = new Promise<void>((resolve) => (ended = resolve))
    const log = await logOf(
      (async function* () {
        try {
          for (;;) {
            yield 'again\n'
            await new Promise((resolve) => setImmediate(resolve))
          }
        } finally {
          ended()
        }
      })(),
    )
    for await (const line of follow(await trusting(), log.url)) {
      expect(line).toBe('again')
      break
    }
    await end
  })

  test('somewhere else does not get the key unless it is trusted with it', async () => {
    const log = await logOf(['secrets\n'])
    const its = await world()
    for (const url of [`${log.url}/log`, 'file:///etc/passwd', 'nonsense', 'http://127.0.0.1.evil.example/'])
      expect(await its.problemOf(its.http.lines({ url, timeoutMs: 1000 }, its.ctx).next())).toMatchObject({
        code: 'UNSUPPORTED',
        outcome: 'not_started',
      })
    expect(log.requests).toEqual([])
  })

  test('is asked for again until it begins, and refused like anything else', async () => {
    const its = await world()
    its.trouble({ answer: { status: 503, body: { message: 'wait' } } })
    const lines = its.http.lines({ path: ['logs'], timeoutMs: 600_000 }, its.ctx)
    await its.problemOf(lines.next(), 'NOT_FOUND')
    expect(its.things.requests.map(({ status }) => status)).toEqual([503, 404])
  })

  test('that breaks off is not taken for a whole one', async () => {
    const proxy = await chaosProxy((await logOf(['one\n', 'two\n'])).url)
    const its = await trusting()
    expect(await all(follow(its, proxy.url))).toEqual(['one', 'two'])
    const { answered } = proxy.exchanges[0]!
    for (const how of ['truncate', 'reset answer'] as const) {
      proxy.troubles.push({ how, after: answered - 3 })
      const problem = await its.problemOf(all(follow(its, proxy.url)), 'NETWORK')
      expect(problem).toMatchObject({ outcome: 'not_started', retryable: true })
    }
  })

  test('ends with the signal, and with its time', async () => {
    const stuck = async function* () {
      yield 'first\n'
      await new Promise(() => {})
    }
    const its = await trusting()
    const slow = follow(its, (await logOf(stuck())).url)
    await slow.next()
    const over = its.problemOf(slow.next(), 'TIMEOUT')
    its.time.pass(600_000)
    await over

    const other = await trusting()
    const unwanted = follow(other, (await logOf(stuck())).url)
    await unwanted.next()
    const cancelled = other.problemOf(unwanted.next(), 'CANCELLED')
    other.cancel()
    await cancelled
  })
})
