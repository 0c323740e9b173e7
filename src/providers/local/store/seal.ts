import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto'
import { MalformedBytes } from '../bytes.ts'
import { objectId } from '../object-id.ts'

/** How a store names bytes and keeps them from other eyes. Layout: docs/store-format.md. */
export interface Seal {
  /** The name of an object or a manifest by its bytes: 64 hexadecimal digits. */
  id(bytes: Uint8Array): string
  /** The bytes as they go to disk. `place` says where to, so that they can be opened nowhere else. */
  seal(bytes: Buffer, place: string): Buffer
  /** Throws MalformedBytes when these are not the bytes that were sealed for this place. */
  open(bytes: Buffer, place: string): Buffer
}

/** Every place that bytes are sealed for. */
export const PLACE = {
  block: (pack: string, offset: number) => `block ${pack} ${offset}`,
  index: (pack: string) => `index ${pack}`,
  manifest: (id: string) => `manifest ${id}`,
  details: (id: string) => `details ${id}`,
  scan: (name: string) => `scan ${name}`,
} as const

/** Of a store without encryption: ids are plain SHA-256, bytes stay as they are. */
export const PLAIN: Seal = { id: objectId, seal: (bytes) => bytes, open: (bytes) => bytes }

const CIPHER = 'aes-256-gcm'
/** Random nonces of 96 bits are safe for 2^32 sealings under one key: hundreds of terabytes of blocks. */
const NONCE_BYTES = 12
const TAG_BYTES = 16
const KEY_BYTES = 32
/** What sealing adds. */
export const SEAL_BYTES = NONCE_BYTES + TAG_BYTES

/**
 * AES-256-GCM for the bytes, HMAC-SHA-256 for the names: whoever has a file and the store, but not the key, cannot tell
 * whether it is in there.
 */
export function createSeal(key: Buffer, salt: Buffer): Seal {
  const dataKey = derive(key, salt, 'data')
  const idKey = derive(key, salt, 'ids')
  return {
    id: (bytes) => createHmac('sha256', idKey).update(bytes).digest('hex'),
    seal(bytes, place) {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv(CIPHER, dataKey, nonce, { authTagLength: TAG_BYTES })
      cipher.setAAD(Buffer.from(place))
      return Buffer.concat([nonce, cipher.update(bytes), cipher.final(), cipher.getAuthTag()])
    },
    open(bytes, place) {
      const end = bytes.length - TAG_BYTES
      if (end < NONCE_BYTES) throw new MalformedBytes('too short to be sealed')
      const nonce = bytes.subarray(0, NONCE_BYTES)
      const decipher = createDecipheriv(CIPHER, dataKey, nonce, { authTagLength: TAG_BYTES })
      decipher.setAAD(Buffer.from(place)).setAuthTag(bytes.subarray(end))
      const opened = decipher.update(bytes.subarray(NONCE_BYTES, end))
      try {
        decipher.final()
      } catch (cause) {
        throw new MalformedBytes('does not open with the key of this store', { cause })
      }
      return opened
    },
  }
}

/** What the header keeps of a key, to tell a wrong one before anything is read with it. It tells nothing else. */
export function checkOf(key: Buffer, salt: Buffer): string {
  return derive(key, salt, 'check').toString('hex')
}

function derive(key: Buffer, salt: Buffer, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', key, salt, `snapshot-mcp 1 ${purpose}`, KEY_BYTES))
}
