import { randomBytes } from 'node:crypto'
import { chmod, link, mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Writes a secret that is not there yet, for the owner only: aside, and then linked into place, so that of two processes
 * that start together one wins. Whoever comes after reads what that one wrote.
 */
export async function makeOnce(path: string, secret: string | Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const temporary = `${path}.${randomBytes(6).toString('hex')}`
  await writeFile(temporary, secret, { mode: 0o600, flag: 'wx' })
  await chmod(temporary, 0o600)
  await link(temporary, path)
    .catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
    .finally(() => rm(temporary))
}
