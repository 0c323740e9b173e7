import { createHash } from 'node:crypto'
import { lstat, readdir, realpath, stat } from 'node:fs/promises'
import { dirname, join, posix } from 'node:path'
import { matchesGlob } from '../../guard/glob.ts'
import { fail, SnapshotError } from '../../snapshots/errors.ts'
import { plain } from '../../snapshots/plain.ts'
import { CONTEXT_LIMITS } from './assumptions.ts'
import { contextWarnings } from './context-warnings.ts'
import { copiedPaths } from './dockerfile.ts'
import { LONGEST_DOCKERFILE, readReal, tooLarge, within } from './dockerfile-place.ts'
import { dockerignore, type Ignores } from './dockerignore.ts'
import { type TarEntry, tarOf } from './tar.ts'

/** What a builder needs of one Dockerfile. */
export interface Build {
  dockerfile: string
  /** The files that it copies; undefined where it copies none. */
  context?: { archive: Buffer; hash: string; warnings: string[] }
}

/**
 * Reads a Dockerfile by its real path, and the files that it copies or that are named instead. They have to be in its
 * directory: a link that leads out of there is refused, not followed.
 */
export async function readBuild(
  path: string,
  named: readonly string[] | undefined,
  signal: AbortSignal,
): Promise<Build> {
  const { bytes } = await readReal(path, LONGEST_DOCKERFILE)
  const dockerfile = bytes.toString('utf8')
  const wanted = named ?? copiedPaths(dockerfile)
  if (wanted.length === 0) return { dockerfile }
  const entries = await collect(dirname(path), wanted, signal)
  const archive = tarOf(entries)
  const hash = createHash('sha256').update(archive).digest('hex')
  return { dockerfile, context: { archive, hash, warnings: contextWarnings(entries, archive.length) } }
}

/** In the order of their paths. */
async function collect(
  directory: string,
  wanted: readonly string[],
  signal: AbortSignal,
): Promise<TarEntry[]> {
  const ignores = await ignoresOf(directory)
  const entries = new Map<string, TarEntry>()
  let bytesLeft: number = CONTEXT_LIMITS.bytes

  function take(entry: TarEntry): void {
    if (entries.size >= CONTEXT_LIMITS.files) throw tooMany()
    entries.set(entry.path, entry)
  }

  /** `named`: by the Dockerfile itself, where a link to a directory is taken for the directory. */
  async function add(path: string, isNamed: boolean): Promise<void> {
    if (signal.aborted) throw cancelled()
    if (entries.has(path)) return
    const real = await insideDirectory(path, directory)
    const found = await stat(real)
    if (found.isDirectory()) {
      if (!isNamed && (await lstat(join(directory, path))).isSymbolicLink()) throw directoryLink(path)
      if (path !== '' && !ignores(path)) take({ path, mode: 0o755 })
      for (const name of (await readdir(real)).sort()) await add(posix.join(path, name), false)
      return
    }
    if (ignores(path)) return
    if (!found.isFile()) throw notAFile(path)
    if (found.size > bytesLeft) throw tooLarge(CONTEXT_LIMITS.bytes)
    const { bytes, mode } = await readReal(real, bytesLeft)
    bytesLeft -= bytes.length
    // The builder knows no links: what one points to is in its place.
    take({ path, mode, bytes })
  }

  for (const one of wanted) {
    const before = entries.size
    const paths = await expand(directory, one)
    for (const path of paths) await add(path, true)
    const taken = paths.some((path) => [...entries.keys()].some((each) => within(each, path) || path === ''))
    if (entries.size === before && !taken) throw nothingOf(one)
  }
  return [...entries.values()].sort((a, b) => (a.path < b.path ? -1 : 1))
}

async function ignoresOf(directory: string): Promise<Ignores> {
  const path = join(directory, '.dockerignore')
  if (!(await lstat(path).catch(() => undefined))) return () => false
  return dockerignore((await readReal(path, LONGEST_DOCKERFILE)).bytes.toString('utf8'))
}

/** The paths in the directory that a path of a Dockerfile stands for: `*` and `?` are for the names that are there. */
async function expand(directory: string, wanted: string): Promise<string[]> {
  const parts = wanted.split('/').filter((part) => part !== '' && part !== '.')
  if (parts.includes('..')) throw outside(wanted)
  let paths = ['']
  for (const part of parts) {
    if (/\[.*\]/.test(part)) throw bracketed(wanted)
    if (!/[*?]/.test(part)) {
      paths = paths.map((path) => posix.join(path, part))
      continue
    }
    const names = await Promise.all(
      paths.map(async (path) =>
        (await readdir(await insideDirectory(path, directory)).catch(noNames))
          .filter((name) => matchesGlob(part, name))
          .map((name) => posix.join(path, name)),
      ),
    )
    paths = names.flat()
  }
  return paths
}

function noNames(error: unknown): string[] {
  if (error instanceof SnapshotError) throw error
  return []
}

async function insideDirectory(path: string, directory: string): Promise<string> {
  const real = await realpath(join(directory, path)).catch(() => undefined)
  if (real === undefined) throw nothingOf(path)
  if (!within(real, directory)) throw outside(path)
  return real
}

const refused = (what: string, hint: string) => fail('INVALID_ARGUMENT', `${what} Nothing was changed.`, hint)

const named = (path: string) => `"${plain(path, 100)}"`
const LEAVE_OUT = 'Leave it out in .dockerignore, or name the files that are needed in daytona.context.'

const outside = (path: string) =>
  fail(
    'POLICY_DENIED',
    `${named(path)} is not in the directory of the Dockerfile, or is a link that leads out of it. Nothing was changed.`,
    `Copy what the build needs into that directory. ${LEAVE_OUT}`,
  )
const nothingOf = (path: string) =>
  refused(
    `The Dockerfile needs ${named(path)}, which is not beside it, or left out by .dockerignore.`,
    'Put it there, or name what it needs in daytona.context.',
  )
const directoryLink = (path: string) =>
  refused(`${named(path)} is a link to a directory, and the builder of Daytona knows no links.`, LEAVE_OUT)
const notAFile = (path: string) => refused(`${named(path)} is neither a file nor a directory.`, LEAVE_OUT)
const tooMany = () =>
  refused(`What the Dockerfile copies is more than ${CONTEXT_LIMITS.files} files and directories.`, LEAVE_OUT)
const bracketed = (path: string) =>
  refused(
    `The Dockerfile copies ${named(path)}, and patterns in brackets are not read here.`,
    'Name the files that it copies in daytona.context.',
  )
const cancelled = () => fail('CANCELLED', 'The call was cancelled. Nothing was changed.', 'Call again.')
