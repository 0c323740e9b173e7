import { posix } from 'node:path'
import { someNames } from '../../snapshots/plain.ts'
import type { TarEntry } from './tar.ts'

/** Names under which credentials lie as a rule, and the whole history of a project. */
const SECRET = /^(\.env.*|.*\.pem|id_(rsa|dsa|ecdsa|ed25519).*|\.npmrc|\.netrc|credentials.*|\.git)$/i
const MOST_NAMES = 5

/** What to tell of a build context: `COPY . .` may send more than anybody had in mind. */
export function contextWarnings(entries: readonly TarEntry[], bytes: number): string[] {
  const files = entries.filter((each) => each.bytes).length
  const secret = entries.map(({ path }) => path).filter((path) => SECRET.test(posix.basename(path)))
  const warning = `The build context of ${files === 1 ? 'one file' : `${files} files`} (${bytes} bytes) was sent to the storage of Daytona.`
  if (secret.length === 0) return [warning]
  const names = someNames(secret, secret.length, MOST_NAMES)
  return [warning, `Some of it looks secret${names}. What is not to be sent belongs into .dockerignore.`]
}
