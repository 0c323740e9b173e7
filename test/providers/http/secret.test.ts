import { type AddressInfo, createServer } from 'node:net'
import { format, inspect } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { createRedactor } from '../../../src/providers/http/redact.ts'
import { createSecret } from '../../../src/providers/http/secret.ts'
import { CANARY, keysIn, world } from './world.ts'

describe('a secret', () => {
  const secret = createSecret(` ${CANARY}\n`)

  test('shows itself to nobody but who asks for it by name', () => {
    const all = { deep: [{ secret }] }
    for (const shown of [
      `${secret}`,
      String(secret),
      JSON.stringify(all),
      format('%s %o %j', secret, all, all),
    ])
      expect(shown).toContain('[secret]')
    expect(keysIn([secret, all, `${secret}`, format('%s %o %j', secret, all, all)])).toEqual([])
    expect(inspect(secret, { customInspect: false, showHidden: true, depth: 9 })).not.toContain(CANARY)
    expect(Object.values(secret).map(String).join()).not.toContain(CANARY)
    expect(secret.reveal()).toBe(CANARY)
  })

  test.for(['', ' \n', 'two words', 'tab\tin', 'line\nin', 'sch\u00f6n'])(
    'cannot be %j, and is not shown even then',
    (text) => {
      try {
        createSecret(text)
        expect.unreachable()
      } catch (error) {
        expect(error).toMatchObject({ code: 'INVALID_ARGUMENT' })
        if (text.trim() !== '') expect(inspect(error, { showHidden: true })).not.toContain(text)
      }
    },
  )
})

describe('redaction', () => {
  const redact = createRedactor(createSecret(CANARY))

  test('finds the key as it is, in a JSON text, in URLs and in base64', () => {
    expect(redact(`a ${CANARY} b ${CANARY}`)).toBe('a [secret] b [secret]')
    const odd = 'back\\slash"quote/and%percent'
    const redactOdd = createRedactor(createSecret(odd))
    expect(redactOdd(JSON.stringify({ odd }))).toBe('{"odd":"[secret]"}')
    for (const form of [encodeURIComponent(odd), encodeURIComponent(odd).toLowerCase(), odd])
      expect(redactOdd(`https://host/?key=${form}&a=1`)).toBe('https://host/?key=[secret]&a=1')
    for (const before of ['', 'a', 'ab', 'user:', 'Bearer ', 'some name:'])
      for (const after of ['', 'z', '\n', ' and more'])
        for (const alphabet of ['base64', 'base64url'] as const) {
          const text = Buffer.from(before + CANARY + after).toString(alphabet)
          const left = redact(`Basic ${text}.`)
          expect(left).toContain('[secret]')
          // The edges of it share a few bits with what is around.
          expect(left.length).toBeLessThan('Basic .[secret]'.length + ((before + after).length * 4) / 3 + 7)
        }
  })

  test('goes through lists, records, their keys, and errors with their causes, and leaves the rest alone', () => {
    const cause = Object.assign(new TypeError(`bad header ${CANARY}`), {
      code: 'E_X',
      socket: { key: CANARY },
    })
    const value = {
      [CANARY]: [CANARY, 1, null, true, undefined, { deep: `x${CANARY}` }],
      error: new Error(`failed with ${CANARY}`, { cause }),
      when: 0,
    }
    const clean = redact(value)
    expect(keysIn(clean)).toEqual([])
    expect(clean).toMatchObject({
      '[secret]': ['[secret]', 1, null, true, undefined, { deep: 'x[secret]' }],
      when: 0,
    })
    expect(clean.error.message).toBe('failed with [secret]')
    expect(clean.error.cause).toMatchObject({
      name: 'TypeError',
      message: 'bad header [secret]',
      code: 'E_X',
    })
    expect(keysIn(value)).not.toEqual([])
  })

  test('of a short key does not eat the texts around it', () => {
    const text = 'a sentence with YWI and q8 in base64: YWJj'
    expect(createRedactor(createSecret('ab'))(text)).toBe(text)
  })
})

describe('a vendor that says the key back', () => {
  test('is heard without it, in a good answer as in a bad one', async () => {
    const { http, ctx, read, problemOf, trouble } = await world()
    const echo = await http.json({ method: 'GET', path: ['echo'], schema: z.unknown() }, ctx)
    expect(echo.body).toEqual({ 'Bearer [secret]': ['Bearer [secret]', 'fine'] })
    expect(echo.headers['x-echo']).toBe('Bearer [secret]')
    const escaped = JSON.stringify({ message: `no ${CANARY}` }).replace('c', '\\u0063')
    const headers = { 'x-request-id': CANARY }
    for (const answer of [
      { status: 400, body: { message: `wrong: ${CANARY}` }, headers },
      { status: 400, raw: escaped, headers },
      { status: 502, raw: `<p>${'x'.repeat(280)}${CANARY}${'y'.repeat(480)}${CANARY}</p>`, headers },
      { status: 200, raw: CANARY, headers },
    ]) {
      trouble({ answer }, 5)
      await problemOf(read('t1'))
    }
  })

  test('and is cut off in the middle of it shows no part of it', async () => {
    const { read, trouble } = await world()
    trouble({ answer: { status: 400, raw: `<p>${'x'.repeat(485)}${CANARY}</p>` } })
    const error = await read('t1').catch((error: Error) => error)
    expect(inspect(error, { showHidden: true })).toContain('xxx')
    expect(inspect(error, { showHidden: true })).not.toContain(CANARY.slice(0, 6))
  })

  test('in something that is no HTTP is not quoted', async () => {
    const garbage = createServer((socket) =>
      socket.on('data', () => socket.end(`HTTP/1.1 200 OK\r\nnonsense\r\n${CANARY}\r\n`)),
    )
    await new Promise<void>((resolve) => garbage.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void garbage.close())
    const baseUrl = `http://127.0.0.1:${(garbage.address() as AddressInfo).port}`
    const { make, problemOf } = await world({ baseUrl })
    expect(await problemOf(make(), 'NETWORK')).toMatchObject({ outcome: 'unknown' })
  })
})

describe('a caller who takes the key for an id', () => {
  test('does not bring it into the log, nor into errors', async () => {
    const { read, problemOf, trouble } = await world()
    trouble({ answer: { status: 503 } })
    trouble('reset')
    await problemOf(read(CANARY), 'NOT_FOUND')
  })
})
