import { hash } from 'node:crypto'

/** An object is known by the SHA-256 of its bytes, in hex. */
export function objectId(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'hex')
}
