import { lstatSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, isAbsolute, join, resolve } from 'node:path'
import { fail, type SnapshotError } from '../../snapshots/errors.ts'
import type { Source } from '../../snapshots/model.ts'
import { type ByteString, fromText, showText, toFsPath } from './names.ts'
import { errno, systemError } from './system-error.ts'

/** The directories the operator allows, as real absolute paths. */
export interface Roots {
  readonly paths: readonly string[]
  /** The directory a caller means: default, `path:/abs`, `/abs` or relative to the only root. */
  resolveSource(text: string | undefined): Source
  /** Inside a root, by its path alone. */
  allows(path: ByteString): boolean
  /** The same for a directory recorded in a snapshot, which may be gone by now. */
  check(path: ByteString): ByteString
  /** The directories that have to be made so that a checked path exists, topmost first. */
  missing(path: ByteString): ByteString[]
  /** Where a copy may be made: inside a root, in a directory that exists, under a name that does not. */
  resolveNew(text: string): { parent: ByteString; name: ByteString; path: string }
}

export function createRoots(paths: readonly string[], problem?: string): Roots {
  const allowed = paths.map(fromText)
  const inside = (path: ByteString) => allowed.some((root) => path === root || path.startsWith(`${root}/`))

  const resolveSource = (text: string | undefined): Source => {
    const given = text === undefined ? onlyRoot() : text.replace(/^path:/, '')
    rejectNul(given)
    rejectOtherKinds(given)
    if (!isAbsolute(given) && paths.length !== 1) {
      throw fail(
        'INVALID_ARGUMENT',
        `"${given.slice(0, 200)}" is not an absolute path. Nothing was changed.`,
        'Give the source as path:/absolute/directory; snapshot_sources lists some.',
      )
    }
    const wanted = fromText(resolve(paths[0] ?? '/', given))
    const real = realpath(wanted, inside(wanted))
    if (!inside(real)) throw outside()
    if (!statSync(toFsPath(real)).isDirectory()) {
      throw fail(
        'INVALID_ARGUMENT',
        'The source is not a directory. Nothing was changed.',
        'Give the path of the directory that holds it.',
      )
    }
    return toSource(real)
  }

  const onlyRoot = (): string => {
    if (paths.length === 1) return paths[0] as string
    if (paths.length === 0) throw noneAllowed()
    throw fail(
      'INVALID_ARGUMENT',
      `There are ${paths.length} directories that can be captured, so the source must be named. Nothing was changed.`,
      `Pass source, for example "path:${paths[0]}".`,
    )
  }

  const check = (path: ByteString): ByteString => {
    if (!inside(path)) throw outside()
    // The directory itself may have been removed; a link put in its place must not lead out.
    const real = realpath(path, true, true)
    if (!inside(real) || real !== path) throw outside()
    return real
  }

  const missing = (path: ByteString): ByteString[] => {
    const found: ByteString[] = []
    let at = path
    while (at !== '' && !lstatSync(toFsPath(at), { throwIfNoEntry: false })) {
      found.unshift(at)
      at = at.slice(0, at.lastIndexOf('/'))
    }
    // Above a root the operator rules; below one a link put in a parent's place must not lead out.
    if (at !== '' && realpath(at, true) !== at) throw outside()
    return found
  }

  const resolveNew = (text: string) => {
    const given = text.replace(/^path:/, '')
    rejectNul(given)
    if (!isAbsolute(given)) {
      throw fail(
        'INVALID_ARGUMENT',
        '"to" must be an absolute path. Nothing was changed.',
        'Pass to: "/absolute/path/of/the/new/directory".',
      )
    }
    const wanted = resolve(given)
    const parent = realpath(fromText(dirname(wanted)), inside(fromText(dirname(wanted))))
    const name = fromText(basename(wanted))
    if (!inside(parent)) throw outside()
    if (name.length > 255)
      throw systemError(Object.assign(new Error(), { code: 'ENAMETOOLONG' }), 'The copy cannot be made')
    if (lstatSync(toFsPath(`${parent}/${name}`), { throwIfNoEntry: false })) {
      throw fail(
        'ALREADY_EXISTS',
        'There is something at that path already. Nothing was changed.',
        'Choose a path in "to" that does not exist yet.',
      )
    }
    return { parent, name, path: join(showText(parent), basename(wanted)) }
  }

  /** Follows links. What is not there is NOT_FOUND only where the caller may look, so that nothing outside can be probed. */
  const realpath = (path: ByteString, mayTell: boolean, mayBeMissing = false): ByteString => {
    try {
      return realpathSync.native(toFsPath(path), 'latin1')
    } catch (error) {
      if (!mayTell) throw outside()
      if (mayBeMissing && errno(error) === 'ENOENT') return path
      throw systemError(error, 'The directory cannot be used')
    }
  }

  const noneAllowed = () => fail('POLICY_DENIED', `${noRoots(problem)} Nothing was changed.`, SET_ROOTS)

  const outside = (): SnapshotError =>
    paths.length === 0
      ? noneAllowed()
      : fail(
          'POLICY_DENIED',
          'That path is outside the directories that the operator allows. Nothing was changed.',
          'Call snapshot_sources to see which ones are allowed.',
        )

  return { paths, resolveSource, allows: inside, check, missing, resolveNew }
}

export function noRoots(problem = 'No directory was named.'): string {
  return `No directory is allowed yet, so nothing can be captured or restored. ${problem}`
}

export const SET_ROOTS =
  'Ask the operator to set SNAPSHOT_MCP_ROOTS (or --root) to the project directory and to start the server again.'

/** `container:web` is no relative path. */
function rejectOtherKinds(source: string): void {
  const kind = /^([a-z]{2,20}):/.exec(source)?.[1]
  if (kind === undefined) return
  throw fail(
    'UNSUPPORTED',
    `The local provider captures directories, not a ${kind}. Nothing was changed.`,
    'Give the source as path:/absolute/directory.',
  )
}

function rejectNul(path: string): void {
  if (path.includes('\0') || path === '') {
    throw fail(
      'INVALID_ARGUMENT',
      'The path is empty or has a NUL character in it. Nothing was changed.',
      'Give the path of a directory.',
    )
  }
}

export function toSource(path: ByteString): Source {
  const text = showText(path)
  return { kind: 'path', id: text, name: basename(text) }
}
