import { constants } from 'node:fs'
import { type FileHandle, open, realpath, stat } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join, resolve, sep } from 'node:path'
import { fail, SnapshotError } from '../../snapshots/errors.ts'
import type { Source } from '../../snapshots/model.ts'
import { plain } from '../../snapshots/plain.ts'

/** What is longer is something else. In bytes. */
export const LONGEST_DOCKERFILE = 2 ** 20

/** Where a Dockerfile and what it copies may lie: inside the directories that the operator allows, links followed. */

/** The Dockerfile that a caller means, by its real path. A directory means the one in it. */
export async function locateDockerfile(given: string, roots: readonly string[]): Promise<Source> {
  if (given === '' || given.includes('\0') || (!isAbsolute(given) && roots.length !== 1))
    throw fail(
      'INVALID_ARGUMENT',
      'The Dockerfile is not given by an absolute path. Nothing was changed.',
      'Pass source as dockerfile:/absolute/path.',
    )
  const wanted = resolve(roots[0] ?? sep, given)
  const real = await insideRoots(wanted, roots)
  const found = await stat(real)
  if (found.isDirectory()) {
    const path = await insideRoots(join(real, 'Dockerfile'), roots)
    return source(path, (await stat(path)).isFile())
  }
  return source(real, found.isFile())
}

function source(path: string, isFile: boolean): Source {
  if (isFile) return { kind: 'dockerfile', id: path, name: `${basename(dirname(path))}/${basename(path)}` }
  throw fail(
    'INVALID_ARGUMENT',
    'The Dockerfile is not a regular file. Nothing was changed.',
    'Pass source as dockerfile:/absolute/path.',
  )
}

/** The real path, when it is inside one of the roots. What is not there is told only where the caller may look. */
async function insideRoots(path: string, roots: readonly string[]): Promise<string> {
  const real = await Promise.all(roots.map((root) => realpath(root).catch(() => root)))
  const inside = (one: string, directories: readonly string[]) =>
    directories.some((each) => within(one, each))
  const found = await realpath(path).catch(() => undefined)
  if (found !== undefined && inside(found, real)) return found
  if (found === undefined && inside(path, [...real, ...roots])) throw missing(path)
  throw fail(
    'POLICY_DENIED',
    'That path is outside the directories that the operator allows. Nothing was changed.',
    'Use a Dockerfile inside one of them.',
  )
}

const missing = (path: string) =>
  fail(
    'NOT_FOUND',
    `There is no "${plain(basename(path))}" at that path. Nothing was changed.`,
    'Pass the path of a file that is there.',
  )

/** The same path or something below it. */
export const within = (path: string, directory: string) =>
  path === directory || path.startsWith(directory.endsWith(sep) ? directory : directory + sep)

export interface ReadFile {
  bytes: Buffer
  /** Permission bits. */
  mode: number
}

/**
 * Reads a regular file by its real path. Looks again once it is open: what was put in the place of the file or of a
 * directory above it meanwhile is not read.
 */
export async function readReal(path: string, mostBytes: number): Promise<ReadFile> {
  let file: FileHandle | undefined
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    const opened = await file.stat()
    const there = await stat(path)
    const same = opened.ino === there.ino && opened.dev === there.dev && (await realpath(path)) === path
    if (!opened.isFile() || !same) throw new Error('it is not what it was')
    if (opened.size > mostBytes) throw tooLarge(mostBytes)
    const bytes = await file.readFile()
    if (bytes.length > mostBytes) throw tooLarge(mostBytes)
    return { bytes, mode: opened.mode & 0o777 }
  } catch (error) {
    if (error instanceof SnapshotError) throw error
    throw fail(
      'INVALID_ARGUMENT',
      `"${plain(basename(path))}" cannot be read. Nothing was changed.`,
      'Make sure that it is a regular file that this server may read, and that nobody changes it meanwhile.',
      { cause: error },
    )
  } finally {
    await file?.close()
  }
}

export const tooLarge = (mostBytes: number) =>
  fail(
    'INVALID_ARGUMENT',
    `What the Dockerfile copies is more than ${Math.floor(mostBytes / 2 ** 20)} MiB. Nothing was changed.`,
    'Leave out what the build does not need: in .dockerignore, or by naming the files in daytona.context.',
  )
