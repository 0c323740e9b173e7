import { fail } from '../../snapshots/errors.ts'
import { type ByteString, showText } from './names.ts'

/** The snapshot cannot be restored whole; what it can still give is named by what it cannot. */
export function damagedContent(paths: readonly ByteString[]) {
  const files = paths.slice(0, 100).map(showText)
  return fail(
    'CORRUPT',
    `The stored content of ${files.length === 1 ? 'a file is' : `${paths.length} files is`} missing or damaged: ${files.slice(0, 5).join(', ')}. Nothing was changed.`,
    'Restore the other paths with "paths", or choose another snapshot: the others are not affected by this.',
    { details: { damaged: files } },
  )
}
