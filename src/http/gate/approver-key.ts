import { randomBytes, timingSafeEqual } from 'node:crypto'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { fail } from '../../snapshots/errors.ts'
import { makeOnce } from '../../state/made-once.ts'
import { sha256 } from './bearer.ts'

/**
 * What a person types into the approval page of a server without an access file. Whoever reaches its address may call
 * the tools, an agent above all; what the agent asks for is agreed to only by who can read this file.
 */
export const approverKeyPath = (home: string) => join(home, 'approver.key')

const LENGTH = 32
/** Base64url. */
const KEY = /^[\w-]{43}$/

/** Read anew for each attempt: people are slow, and the file may have been replaced. */
export async function isApproverKey(home: string, text: string): Promise<boolean> {
  const key = await loadApproverKey(home)
  return timingSafeEqual(sha256(key).digest(), sha256(text).digest())
}

/** Made on first need. FORBIDDEN where other users of the machine can read it, CORRUPT where it is none. */
export async function loadApproverKey(home: string): Promise<string> {
  const path = approverKeyPath(home)
  const key = (await read(path)) ?? (await create(path))
  if (KEY.test(key)) return key
  throw fail('CORRUPT', `${path} holds no key of this server.`, 'Remove it: a new one is made.')
}

async function read(path: string): Promise<string | undefined> {
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (file === undefined) return undefined
  try {
    // Windows has no such modes.
    if (process.getuid && ((await file.stat()).mode & 0o077) !== 0)
      throw fail('FORBIDDEN', `${path} can be read by other users.`, 'Remove it: a new one is made.')
    return (await file.readFile('utf8')).trim()
  } finally {
    await file.close()
  }
}

async function create(path: string): Promise<string> {
  await makeOnce(path, `${randomBytes(LENGTH).toString('base64url')}\n`)
  const key = await read(path)
  if (key === undefined) throw new Error(`${path} vanished while it was made`)
  return key
}
