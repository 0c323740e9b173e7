import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { type StructuredPatchHunk, structuredPatch } from 'diff'
import { decodeChunkList } from './content.ts'
import { damagedContent } from './damaged.ts'
import type { Difference } from './diff.ts'
import { type Directory, openBelow } from './directory.ts'
import { type ByteString, showText } from './names.ts'
import { isSecretFile, redact } from './secrets.ts'
import type { ObjectStore } from './store/objects.ts'
import { isStored } from './stored-content.ts'
import type { FileEntry } from './tree.ts'
import { wellFormed } from './view.ts'

/** Larger files are not compared line by line. */
const MAX_FILE_BYTES = 512 * 1024
/** What one changed file may add to an answer. */
const MAX_DIFF_CHARS = 8000
/** An edit script longer than this is no help to a reader and slow to find. */
const MAX_EDITS = 2000
/** Lines that differ everywhere are compared for this long at most. */
const MAX_MS = 100

export type TextDiff = { diff: string } | { diff_omitted: 'binary' | 'too_large' | 'redacted' }

/** Reads the content of one side. Undefined when it is not there (any more). */
export type ReadText = (path: ByteString, entry: FileEntry) => Promise<Buffer | undefined>

/** A unified diff of one changed file (`base` is the name of the directory it is in), without its secrets; undefined when there is no content to compare. */
export async function textDiff(
  difference: Difference,
  base: string,
  readBefore: ReadText,
  readAfter: ReadText,
): Promise<TextDiff | undefined> {
  const before = difference.before?.type === 'file' ? difference.before : undefined
  const after = difference.after?.type === 'file' ? difference.after : undefined
  if ((!before && !after) || before?.content === after?.content) return undefined
  const path = showText(difference.path)
  if (isSecretFile(`${base}/${path}`)) return { diff_omitted: 'redacted' }
  if ((before?.size ?? 0) > MAX_FILE_BYTES || (after?.size ?? 0) > MAX_FILE_BYTES)
    return { diff_omitted: 'too_large' }
  const left = before ? await readBefore(difference.path, before) : undefined
  const right = after ? await readAfter(difference.path, after) : undefined
  if ((left && isBinary(left)) || (right && isBinary(right))) return { diff_omitted: 'binary' }
  const [old, now] = [left, right].map((bytes) => redact(bytes?.toString('utf8') ?? '')) as [string, string]
  if (old === now && old !== '') return { diff_omitted: 'redacted' }
  const patch = structuredPatch('', '', old, now, '', '', {
    context: 3,
    maxEditLength: MAX_EDITS,
    timeout: MAX_MS,
  })
  if (!patch) return { diff_omitted: 'too_large' }
  const text = patch.hunks.map(showHunk).join('\n')
  const cut = text.length - MAX_DIFF_CHARS
  return { diff: cut > 0 ? `${text.slice(0, MAX_DIFF_CHARS)}\n[cut: ${cut} more characters]` : text }
}

/** A side without lines starts at 0, as in every unified diff. */
function showHunk({ oldStart, oldLines, newStart, newLines, lines }: StructuredPatchHunk): string {
  const from = oldLines === 0 ? oldStart - 1 : oldStart
  const to = newLines === 0 ? newStart - 1 : newStart
  return [`@@ -${from},${oldLines} +${to},${newLines} @@`, ...lines].join('\n')
}

export function readStored(objects: ObjectStore): ReadText {
  return async (path, entry) => {
    if (!(await isStored(objects, entry))) throw damagedContent([path])
    const bytes = await objects.read(entry.content)
    if (!entry.chunked) return bytes
    const { chunks } = wellFormed(entry.content, () => decodeChunkList(bytes))
    return Buffer.concat(await Promise.all(chunks.map((chunk) => objects.read(chunk))))
  }
}

export function readLive(root: Directory): ReadText {
  return async (path) => {
    const parts = path.split('/')
    let dir: Directory | undefined
    let fd: number | undefined
    try {
      dir = openBelow(root, parts.slice(0, -1))
      fd = openSync(
        dir.at(parts.at(-1) as ByteString),
        constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
      )
      if (!fstatSync(fd).isFile()) return undefined
      const buffer = Buffer.alloc(MAX_FILE_BYTES)
      return buffer.subarray(0, readSync(fd, buffer, 0, buffer.length, 0))
    } catch {
      // Gone or changed since the scan: the entry itself says what the scan saw.
      return undefined
    } finally {
      if (fd !== undefined) closeSync(fd)
      dir?.close()
    }
  }
}

function isBinary(bytes: Buffer): boolean {
  return bytes.subarray(0, 8000).includes(0)
}
