import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fail, SnapshotError } from '../snapshots/errors.ts'
import { makeOnce } from './made-once.ts'

const LENGTH = 32

/**
 * The key that signs what a client carries between a question and its answer. Kept in `directory`, so that every
 * server process on the same state knows it; made on first use. Losing it costs the questions that are open.
 */
export async function loadStateKey(directory: string): Promise<Uint8Array> {
  const path = join(directory, 'request-state.key')
  try {
    return (await read(path)) ?? (await create(path))
  } catch (cause) {
    throw cause instanceof SnapshotError ? cause : unusable(cause as NodeJS.ErrnoException)
  }
}

/** Before anybody was asked, so nothing was done. The path stays in the log. */
function unusable(cause: NodeJS.ErrnoException) {
  const full = cause.code === 'ENOSPC' || cause.code === 'EDQUOT'
  return fail(
    full ? 'NO_SPACE' : 'FORBIDDEN',
    'The key that protects confirmations cannot be read or made; nothing was changed.',
    `Ask the operator to ${full ? 'make room for' : 'give the server access to'} its state directory; the server log has the details.`,
    { cause },
  )
}

async function read(path: string): Promise<Uint8Array | undefined> {
  const key = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (key === undefined || key.length === LENGTH) return key
  throw fail(
    'CORRUPT',
    'The key that protects confirmations is damaged; nothing was changed.',
    'Ask the operator to remove request-state.key from the state directory: a new one is made.',
  )
}

async function create(path: string): Promise<Uint8Array> {
  await makeOnce(path, randomBytes(LENGTH))
  const key = await read(path)
  if (key === undefined) throw new Error(`${path} vanished while it was made`)
  return key
}
