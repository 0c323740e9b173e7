import { hash } from 'node:crypto'

/** The SHA-256 of bytes, in hex. What the store holds is named by its seal instead, which may use a key. */
export function objectId(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'hex')
}
