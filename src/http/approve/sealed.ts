import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'

/**
 * Facts that a browser carries for us: it can neither read nor change them, nor use them elsewhere or keep them for longer
 * than was meant. Every replica can open what another one sealed.
 */
export interface Seal<Facts> {
  /** Good for `ms` milliseconds. */
  seal(facts: Facts, ms: number): Promise<string>
  /** Undefined for what was not sealed here for this purpose, and for what is too old. */
  open(text: string | null | undefined): Promise<Facts | undefined>
}

export interface SealOptions {
  /** What it is for: nothing that was sealed for one purpose can be opened for another. */
  purpose: string
  /** 32 bytes, the same at all replicas. */
  key: () => Promise<Uint8Array>
  /** Milliseconds. */
  clock: () => number
}

/** AES-256-GCM: the nonce, the tag, and what is encrypted. Random nonces do for some 2^32 forms under one key. */
const CIPHER = 'aes-256-gcm'
const NONCE = 12
const TAG = 16

export function createSeal<Facts>({ purpose, key, clock }: SealOptions): Seal<Facts> {
  const ownKey = async () =>
    Buffer.from(hkdfSync('sha256', await key(), '', `snapshot-mcp approval page: ${purpose}`, 32))

  return {
    async seal(facts, ms) {
      const nonce = randomBytes(NONCE)
      const cipher = createCipheriv(CIPHER, await ownKey(), nonce, { authTagLength: TAG })
      const text = JSON.stringify({ until: clock() + ms, facts })
      const hidden = Buffer.concat([cipher.update(text), cipher.final()])
      return Buffer.concat([nonce, cipher.getAuthTag(), hidden]).toString('base64url')
    },
    async open(text) {
      const sealed = Buffer.from(text ?? '', 'base64url')
      if (sealed.length <= NONCE + TAG) return undefined
      const opened = decrypted(await ownKey(), sealed)
      if (opened === undefined) return undefined
      const { until, facts } = JSON.parse(opened) as { until: number; facts: Facts }
      return clock() < until ? facts : undefined
    },
  }
}

function decrypted(key: Buffer, sealed: Buffer): string | undefined {
  const decipher = createDecipheriv(CIPHER, key, sealed.subarray(0, NONCE), { authTagLength: TAG })
  decipher.setAuthTag(sealed.subarray(NONCE, NONCE + TAG))
  const text = decipher.update(sealed.subarray(NONCE + TAG))
  try {
    return Buffer.concat([text, decipher.final()]).toString()
  } catch {
    // Not ours, or changed on its way.
    return undefined
  }
}
