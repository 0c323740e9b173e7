import { fail } from '../../snapshots/errors.ts'
import type { PathRef, ShownPath } from '../../snapshots/model.ts'

/**
 * File names are bytes, not text. Inside the engine a name or path is a string in which every character is one byte
 * (latin1): it sorts in byte order, works as a Map key and never loses a name that is not valid UTF-8.
 */
export type ByteString = string

const NON_ASCII = /[\x80-\xff]/
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** What Node's fs functions take for such a path. */
export function toFsPath(path: ByteString): string | Buffer {
  return NON_ASCII.test(path) ? Buffer.from(path, 'latin1') : path
}

export function fromText(text: string): ByteString {
  return NON_LATIN.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text
}
// biome-ignore lint/suspicious/noControlCharactersInRegex: the range is "not ASCII"
const NON_LATIN = /[^\x00-\x7f]/

/** Readable text for a result, with the exact bytes beside it when they are not valid UTF-8. */
export function show(path: ByteString): ShownPath {
  if (!NON_ASCII.test(path)) return { path }
  const bytes = Buffer.from(path, 'latin1')
  try {
    return { path: utf8.decode(bytes) }
  } catch {
    return { path: bytes.toString('utf8'), bytes: bytes.toString('base64') }
  }
}

export function showText(path: ByteString): string {
  return show(path).path
}

/** True for a name that can be one component of a path. Everything read from the store passes here before use. */
export function isEntryName(name: ByteString): boolean {
  return (
    name.length > 0 &&
    name.length <= 255 &&
    name !== '.' &&
    name !== '..' &&
    !name.includes('/') &&
    !name.includes('\0')
  )
}

/**
 * A path given by a caller, relative to the source (or absolute inside it), as a byte string without a leading `./`
 * or a trailing `/`. INVALID_ARGUMENT for anything that could leave the source.
 */
export function parsePath(ref: PathRef, root: ByteString): ByteString {
  let path = typeof ref === 'string' ? fromText(ref) : Buffer.from(ref.bytes, 'base64').toString('latin1')
  if (path.startsWith(`${root}/`)) path = path.slice(root.length + 1)
  const parts = path
    .split('/')
    .filter((part, at, all) => !(part === '.' && at < all.length - 1) && !(part === '' && at > 0))
  if (parts.length === 0 || !parts.every(isEntryName)) {
    throw fail(
      'INVALID_ARGUMENT',
      `The path ${JSON.stringify(showText(path)).slice(0, 200)} is not a path inside the source. Nothing was changed.`,
      'Give paths relative to the source, such as "src/index.ts" or "docs", without "..".',
    )
  }
  return parts.join('/')
}

export function join(parent: ByteString, name: ByteString): ByteString {
  return parent === '' ? name : `${parent}/${name}`
}
