import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { createLineGuard, LINE_LIMIT } from '../../src/mcp/line-guard.ts'

/** Feeds chunks and returns what came through, chunk by chunk, and the codes that were answered. */
async function guarded(...chunks: (string | Buffer)[]) {
  const answers = new PassThrough()
  const guard = createLineGuard(answers)
  const passed: string[] = []
  guard.on('data', (line: Buffer) => passed.push(line.toString()))
  answers.resume()
  const said: { id: unknown; error: { code: number } }[] = []
  answers.on('data', (line: Buffer) =>
    said.push(
      ...line
        .toString()
        .split('\n')
        .filter(Boolean)
        .map((text) => JSON.parse(text)),
    ),
  )
  for (const chunk of chunks) if (!guard.write(chunk)) await once(guard, 'drain')
  guard.end()
  await once(guard, 'end')
  await turn()
  expect(said.every(({ id }) => id === null)).toBe(true)
  return { passed, codes: said.map(({ error }) => error.code) }
}

const PING = '{"jsonrpc":"2.0","id":1,"method":"ping"}\n'

test('messages pass as they came, one a chunk, however they were cut', async () => {
  expect(await guarded(PING + PING, PING)).toEqual({ passed: [PING, PING, PING], codes: [] })
  const text = '{"name":"caf\u00e9 \u{1f4be} \u65e5\u672c"}\r\n'
  const bytes = Buffer.from(text + PING)
  const single = Array.from(bytes, (byte) => Buffer.of(byte))
  expect(await guarded(...single)).toEqual({ passed: [text, PING], codes: [] })
})

test.each([
  ['no JSON', 'hello', -32_700],
  ['half a message', '{"jsonrpc":"2.0","id":1', -32_700],
  ['a byte order mark', '\ufeff{}', -32_700],
  ['a list', '[{"jsonrpc":"2.0","id":1,"method":"ping"}]', -32_600],
  ['null', 'null', -32_600],
  ['a number', '42', -32_600],
  ['text', '"{}"', -32_600],
  ['much text', `"${'x'.repeat(2_000_000)}"`, -32_600],
  ['much that is no JSON', 'x'.repeat(2_000_000), -32_700],
])('%s is answered, and the next message passes', async (_what, line, code) => {
  expect(await guarded(`${line}\n${PING}`)).toEqual({ passed: [PING], codes: [code] })
})

test('blank lines, and what has no end when stdin ends, are no messages', async () => {
  expect(await guarded(`\n\r\n  \t \n${PING}\n`, '{"jsonrpc"')).toEqual({ passed: [PING], codes: [] })
})

describe('the limit', () => {
  const message = (size: number) => `{"pad":"${'x'.repeat(size - 10)}"}\n`

  test('is where it says, in one chunk or many', async () => {
    const longest = message(LINE_LIMIT)
    expect((await guarded(longest, PING)).passed.map(({ length }) => length)).toEqual([
      LINE_LIMIT + 1,
      PING.length,
    ])
    const over = message(LINE_LIMIT + 1)
    expect(await guarded(over, PING)).toEqual({ passed: [PING], codes: [-32_700] })
    const cut = (text: string) => [text.slice(0, 5_000_000), text.slice(5_000_000, -1), text.slice(-1)]
    expect((await guarded(...cut(longest))).codes).toEqual([])
    expect(await guarded(...cut(over), PING)).toEqual({ passed: [PING], codes: [-32_700] })
  })

  test('is answered once, at once, and what follows in the line is not kept', async () => {
    const chunk = Buffer.alloc(2 ** 20, 'x')
    const before = process.memoryUsage().arrayBuffers
    const answers = new PassThrough()
    const guard = createLineGuard(answers)
    guard.resume()
    let peak = 0
    for (let count = 0; count < 200; count++) {
      if (!guard.write(chunk)) await once(guard, 'drain')
      peak = Math.max(peak, process.memoryUsage().arrayBuffers - before)
      if (count === 10) expect(JSON.parse(String(answers.read()))).toMatchObject({ id: null })
    }
    guard.end(`\n${PING}`)
    await once(guard, 'end')
    expect(answers.read()).toBeNull()
    expect(peak).toBeLessThan(100 * 2 ** 20)
  })
})

test('who does not read the answers has to wait, and loses none', async () => {
  const answers = new PassThrough({ highWaterMark: 100 })
  const guard = createLineGuard(answers)
  guard.resume()
  let taken = 0
  for (let count = 0; count < 50; count++) guard.write('nonsense\n', () => taken++)
  await turn()
  expect(taken).toBeLessThan(5)
  let text = ''
  for await (const chunk of answers) {
    text += chunk
    if (text.split('\n').length > 50) break
  }
  expect(text.match(/-32700/g)).toHaveLength(50)
})

test('who is not read from makes the sender wait', async () => {
  const guard = createLineGuard(new PassThrough())
  let taken = 0
  for (let count = 0; count < 100; count++) guard.write(`{"pad":"${'x'.repeat(50_000)}"}\n`, () => taken++)
  await turn()
  expect(taken).toBeLessThan(10)
  const seen: number[] = []
  guard.on('data', (line: Buffer) => seen.push(line.length))
  guard.end()
  await once(guard, 'end')
  expect(seen).toHaveLength(100)
})
