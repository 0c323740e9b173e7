import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { loadKey } from '../../../../src/providers/local/store/key.ts'
import { refusal, temporaryDirectory } from '../../../snapshots/world.ts'
import { content } from '../../../support/trees.ts'

const RAW = content(32, 1)
const HEX = RAW.toString('hex')
const BASE64 = RAW.toString('base64')

function keyFile(data: string | Buffer, mode = 0o600): string {
  const path = join(temporaryDirectory(), 'key')
  writeFileSync(path, data)
  chmodSync(path, mode)
  return path
}

const load = (data: string | Buffer, mode?: number) => loadKey({ file: keyFile(data, mode) })
const node = (script: string): { command: [string, ...string[]] } => ({
  command: [process.execPath, '-e', script],
})

describe('a key', () => {
  test.each([
    ['32 bytes as they are', RAW],
    ['more of them', content(100, 2)],
    ['bytes that end like a line', Buffer.concat([RAW.subarray(0, 31), Buffer.from('\n')])],
    ['hexadecimal', HEX],
    ['hexadecimal in capitals', HEX.toUpperCase()],
    ['base64', BASE64],
    ['base64 for addresses, without padding', RAW.toString('base64url')],
    ['a long phrase', 'horse 1 battery; staple, correct & 7 others'],
  ])('may be %s', async (_what, data) => {
    expect(await load(data)).toEqual(Buffer.from(data))
  })

  test('is the same with and without the end of its line', async () => {
    for (const end of ['\n', '\r\n', '\n\n']) expect(await load(HEX + end)).toEqual(Buffer.from(HEX))
  })

  test.each([
    ['nothing', ''],
    ['a line end', '\n'],
    ['31 bytes', RAW.subarray(0, 31)],
    ['31 bytes in hexadecimal', HEX.slice(2)],
    ['31 bytes in base64', RAW.subarray(0, 31).toString('base64')],
    ['32 letters, which could be base64', 'correcthorsebatterystaplecorrect'],
    ['a short phrase', 'correct horse battery staple'],
    ['zeros', Buffer.alloc(64)],
    ['one letter', '#'.repeat(64)],
  ])('cannot be %s', async (_what, data) => {
    const { message, outcome } = await refusal(load(data), 'INVALID_ARGUMENT')
    expect(message).toContain('too weak')
    expect(outcome).toBe('not_started')
  })
})

describe('a key file', () => {
  test.each([0o644, 0o640, 0o604, 0o620, 0o610].map((mode) => [mode.toString(8), mode] as const))(
    'of mode %s is refused',
    async (_shown, mode) => {
      const { message } = await refusal(load(HEX, mode), 'FORBIDDEN')
      expect(message).toContain('other users')
      expect(message).not.toContain(HEX)
    },
  )

  test('may be read-only', async () => {
    expect(await load(HEX, 0o400)).toHaveLength(64)
  })

  test('that is missing, a directory, or far too large is refused, without its path', async () => {
    const directory = temporaryDirectory()
    mkdirSync(join(directory, 'key.d'))
    const large = keyFile(content(65_537, 1))
    for (const path of [join(directory, 'missing'), join(directory, 'key.d'), large]) {
      const { message } = await refusal(loadKey({ file: path }), 'FORBIDDEN')
      expect(message).toContain('cannot be had')
      expect(message).not.toContain(path)
    }
  })

  test('that is a pipe is not waited for', async () => {
    const path = join(temporaryDirectory(), 'pipe')
    execFileSync('mkfifo', ['-m', '600', path])
    await refusal(loadKey({ file: path }), 'FORBIDDEN')
  })
})

describe('a key command', () => {
  test('prints it', async () => {
    const key = await loadKey(node(`console.log('${HEX}')`))
    expect(key).toEqual(Buffer.from(HEX))
    expect(key).toEqual(await load(HEX))
  })

  test('may print bytes that are no text', async () => {
    const print = `process.stdout.write(Buffer.from('${HEX}', 'hex'))`
    expect(await loadKey(node(print))).toEqual(RAW)
  })

  test('goes through no shell', async () => {
    const words = ['$HOME', '`id`', '>out', ';', 'and more of them']
    const key = await loadKey({ command: ['printf', '%s.%s.%s.%s.%s', ...words] })
    expect(key.toString()).toBe(words.join('.'))
  })

  test('gets no input to wait for', async () => {
    const print = `process.stdin.on('end', () => console.log('${HEX}')).resume()`
    expect(await loadKey(node(print))).toHaveLength(64)
  })

  test.each([
    ['fails', `console.log('${HEX}'); console.error('the secret'); process.exit(3)`, 'failed'],
    ['dies', `process.kill(process.pid, 'SIGTERM')`, 'failed'],
    ['prints too much', `process.stdout.write('${HEX}'.repeat(2000))`, 'too much'],
  ])('that %s gives none', async (_what, script, words) => {
    const { message, hint } = await refusal(loadKey(node(script)), 'FORBIDDEN')
    expect(message).toContain(words)
    for (const text of [message, hint]) {
      expect(text).not.toContain('secret')
      expect(text).not.toContain(HEX)
    }
  })

  test('that prints nothing is too weak', async () => {
    await refusal(loadKey(node('')), 'INVALID_ARGUMENT')
  })

  test('that is not there gives none', async () => {
    const missing = join(temporaryDirectory(), 'program')
    const { message } = await refusal(loadKey({ command: [missing] }), 'FORBIDDEN')
    expect(message).toContain('cannot be started')
    expect(message).not.toContain(missing)
  })

  test('that hangs is ended', async () => {
    const mark = join(temporaryDirectory(), 'pid')
    const script = `require('fs').writeFileSync('${mark}', String(process.pid)); setInterval(() => {}, 1e6)`
    const { message } = await refusal(loadKey(node(script), { commandMs: 1000 }), 'FORBIDDEN')
    expect(message).toContain('within 1 s')
    expect(existsSync(mark)).toBe(true)
    const pid = Number(readFileSync(mark, 'utf8'))
    for (let tries = 0; tries < 50 && isAlive(pid); tries++) await sleep(20)
    expect(isAlive(pid)).toBe(false)
  })
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
