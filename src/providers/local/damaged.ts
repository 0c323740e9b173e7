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

/** A tree of the snapshot cannot be read, so what was in that directory is not known any more. */
export function damagedDirectory(snapshot: string, path: ByteString, cause: unknown) {
  const directory = path === '' ? 'the whole directory' : `the directory ${showText(path)}`
  return fail(
    'CORRUPT',
    `Snapshot ${snapshot} is damaged: the listing of ${directory} is missing or does not match its hash. Nothing was changed.`,
    path === ''
      ? 'Choose another snapshot: the others are not affected by this.'
      : 'Restore what lies elsewhere with "paths", or choose another snapshot.',
    { details: { snapshot, damaged: [showText(path) || '.'] }, cause },
  )
}

/** A list of hard links that says of two different files that they are one, or names what is no file. */
export function wrongLink(path: ByteString) {
  return fail(
    'CORRUPT',
    `The snapshot says of ${showText(path)} that it is the same file as another one that is not the same. Nothing was changed.`,
    'Restore the other paths with "paths", or choose another snapshot.',
    { details: { damaged: [showText(path)] } },
  )
}
