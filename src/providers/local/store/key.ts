import { execFile } from 'node:child_process'
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import type { KeySource } from '../../../config/values.ts'
import { fail } from '../../../snapshots/errors.ts'

/** A key is a line or a few; what is larger is something else. */
const MAX_BYTES = 64 * 1024
/** Long enough for a person who is asked to unlock a key ring. */
const COMMAND_MS = 60_000
const MIN_BYTES = 32
/** Far fewer than 32 random bytes have in any notation: a file of zeros, one key held down. */
const MIN_DIFFERENT = 8

const FILE_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK
const CHECK = 'Ask the operator to check --encrypt (SNAPSHOT_MCP_ENCRYPT) and to call again.'
const MAKE_ONE = 'Ask the operator to make one: openssl rand -hex 32'

/**
 * The key that a store is encrypted with. FORBIDDEN when it cannot be had or others can read it, INVALID_ARGUMENT when
 * it is too weak. Nothing of it, and nothing that the command says, is in an error.
 */
export async function loadKey(source: KeySource, { commandMs = COMMAND_MS } = {}): Promise<Buffer> {
  return keyIn('file' in source ? readKeyFile(source.file) : await runKeyCommand(source.command, commandMs))
}

/** Line ends after a key that is text do not belong to it: editors and commands add them. */
function keyIn(bytes: Buffer): Buffer {
  const text = bytes.toString('latin1')
  const line = /^([\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)[\r\n]*$/.exec(text)?.[1]
  const key = line === undefined ? bytes : Buffer.from(line, 'latin1')
  if (strength(key, line) >= MIN_BYTES && new Set(key).size >= MIN_DIFFERENT) return key
  throw fail(
    'INVALID_ARGUMENT',
    `The key for --encrypt is too weak: it must hold ${MIN_BYTES} random bytes or more, as they are, in hexadecimal or in base64. Nothing was changed.`,
    MAKE_ONE,
  )
}

/** How many bytes it stands for. What could be hexadecimal or base64 is not taken for more. */
function strength(key: Buffer, line: string | undefined): number {
  if (line === undefined) return key.length
  if (/^[0-9a-f]+$/i.test(line)) return Math.floor(line.length / 2)
  if (/^[\w+/-]+={0,2}$/.test(line)) return Math.floor((line.replace(/=+$/, '').length * 3) / 4)
  return line.length
}

function readKeyFile(path: string): Buffer {
  let fd: number
  try {
    fd = openSync(path, FILE_FLAGS)
  } catch (cause) {
    throw unavailable('the file cannot be opened', cause)
  }
  try {
    const stats = fstatSync(fd)
    if (!stats.isFile()) throw unavailable('it is not a file')
    if (isOpenToOthers(stats)) {
      throw fail(
        'FORBIDDEN',
        'The key file of --encrypt can be read by other users, so it is not used. Nothing was changed.',
        'Ask the operator to make it readable by its owner only (chmod 600), and to think of the key as known if others had access.',
      )
    }
    const buffer = Buffer.alloc(MAX_BYTES + 1)
    let length = 0
    for (let count = -1; count !== 0; length += count)
      count = readSync(fd, buffer, length, buffer.length - length, null)
    if (length > MAX_BYTES) throw unavailable('the file is too large for a key')
    return buffer.subarray(0, length)
  } finally {
    closeSync(fd)
  }
}

/** By its mode, and by its owner: another user than this one and root could look into it at will. */
function isOpenToOthers({ mode, uid }: { mode: number; uid: number }): boolean {
  const own = process.getuid?.()
  return own !== undefined && ((mode & 0o077) !== 0 || (uid !== own && uid !== 0))
}

/** Without a shell, without input, and without a word of it on our own output. */
function runKeyCommand([program = '', ...args]: readonly string[], timeout: number): Promise<Buffer> {
  const options = { encoding: 'buffer', timeout, killSignal: 'SIGKILL', maxBuffer: MAX_BYTES } as const
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, options, (error, stdout) => {
      if (!error) return resolve(stdout)
      reject(unavailable(whyNot(error, timeout), error))
    })
    child.stdin?.end()
  })
}

function whyNot(error: { code?: unknown; killed?: boolean }, timeout: number): string {
  if (error.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') return 'its command prints too much for a key'
  if (error.killed) return `its command did not end within ${timeout / 1000} s`
  return typeof error.code === 'string' ? 'its command cannot be started' : 'its command failed'
}

function unavailable(why: string, cause?: unknown) {
  return fail('FORBIDDEN', `The key for --encrypt cannot be had: ${why}. Nothing was changed.`, CHECK, {
    cause,
  })
}
