import { z } from 'zod'
import { fail } from '../snapshots/errors.ts'

/** Opaque to callers: which list it belongs to, and the key of the last item shown. */
const Cursor = z.tuple([z.string(), z.string()])

export function encodeCursor(list: string, key: string): string {
  return Buffer.from(JSON.stringify([list, key]), 'utf8').toString('base64url')
}

/** INVALID_ARGUMENT for anything but a cursor of this list. */
export function decodeCursor(list: string, cursor: string): string {
  const parsed = Cursor.safeParse(parse(Buffer.from(cursor, 'base64url').toString('utf8')))
  if (parsed.success && parsed.data[0] === list) return parsed.data[1]
  throw fail(
    'INVALID_ARGUMENT',
    'The cursor is not one that this server gave out for this list. Nothing was changed.',
    'Pass next_cursor of the previous page unchanged, or leave it out.',
  )
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
