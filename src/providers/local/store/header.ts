import { randomBytes } from 'node:crypto'
import { existsSync, linkSync, readdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { fail } from '../../../snapshots/errors.ts'
import { errno } from '../system-error.ts'
import { syncDirectory, writeDurably } from './durable.ts'
import { readPlainFile } from './plain-file.ts'
import { checkOf, createSeal, PLAIN, type Seal } from './seal.ts'

const MAX_BYTES = 64 * 1024
const Bytes = z.string().regex(/^[0-9a-f]{64}$/)

const Header = z.discriminatedUnion('encryption', [
  z.object({ format: z.literal(1), encryption: z.literal('none') }),
  z.object({ format: z.literal(1), encryption: z.literal('aes-256-gcm'), salt: Bytes, check: Bytes }),
])
type Header = z.infer<typeof Header>

/**
 * Reads store.json, making it when the store is new, and says how the store is sealed. Whether it is encrypted is
 * settled there once: a key that does not belong to it, one for a store that has none, and none for a store that has
 * one are refused, so that what is encrypted and what is not never mix.
 */
export function openHeader(directory: string, key: Buffer | undefined): Seal {
  const path = join(directory, 'store.json')
  if (!existsSync(path)) {
    if (holdsAnything(directory)) throw lostHeader()
    create(path, newHeader(key))
  }
  const { success, data: header } = Header.safeParse(read(path))
  if (!success) throw unknownFormat()
  if (header.encryption === 'none') {
    if (key) throw notEncrypted()
    return PLAIN
  }
  if (!key) throw keyMissing()
  const salt = Buffer.from(header.salt, 'hex')
  if (checkOf(key, salt) !== header.check) throw wrongKey()
  return createSeal(key, salt)
}

function newHeader(key: Buffer | undefined): Header {
  if (!key) return { format: 1, encryption: 'none' }
  const salt = randomBytes(32)
  return { format: 1, encryption: 'aes-256-gcm', salt: salt.toString('hex'), check: checkOf(key, salt) }
}

/** Of two processes that make a store at once, one makes the header, and both go on with that one. */
function create(path: string, header: Header): void {
  const draft = `${path}.${randomBytes(8).toString('hex')}.tmp`
  writeDurably(draft, `${JSON.stringify(header)}\n`)
  try {
    linkSync(draft, path)
  } catch (error) {
    if (errno(error) !== 'EEXIST') throw error
  } finally {
    rmSync(draft, { force: true })
  }
  syncDirectory(dirname(path))
}

function holdsAnything(directory: string): boolean {
  return ['packs', 'snapshots', 'trash'].some((name) => readdirSync(join(directory, name)).length > 0)
}

function read(path: string): unknown {
  try {
    return JSON.parse(readPlainFile(path, MAX_BYTES).toString('utf8'))
  } catch {
    return undefined
  }
}

function lostHeader() {
  return fail(
    'CORRUPT',
    'The snapshot store has lost its header file store.json. Nothing was changed.',
    'Put back store.json from a backup. Of a store that is not encrypted it can be written anew: see docs/store-format.md.',
  )
}

function unknownFormat() {
  return fail(
    'UNSUPPORTED',
    'The snapshot store has a format or an encryption that this version does not know. Nothing was changed.',
    'Use the version of snapshot-mcp that wrote it, or another --home.',
  )
}

function notEncrypted() {
  return fail(
    'CONFLICT',
    'The snapshot store was made without encryption, so it cannot be opened with --encrypt. Nothing was changed.',
    'Ask the operator to leave out --encrypt, or to start an encrypted store in another --home; what is in this one stays readable without.',
  )
}

function keyMissing() {
  return fail(
    'FORBIDDEN',
    'The snapshot store is encrypted and no key was given. Nothing was changed.',
    'Ask the operator to name the key of this store with --encrypt or SNAPSHOT_MCP_ENCRYPT.',
  )
}

function wrongKey() {
  return fail(
    'FORBIDDEN',
    'The key given with --encrypt is not the one that this snapshot store was made with. Nothing was changed.',
    'Ask the operator for the right key: nothing else opens this store. Another --home starts a new one.',
  )
}
