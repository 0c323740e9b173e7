import { realpathSync, statSync } from 'node:fs'
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { fail, SnapshotError } from '../snapshots/errors.ts'

export interface RootRules {
  cwd: string
  /** The home directory of the user. */
  userHome: string
  /** The operator's policy: what every root must be, or lie in. */
  within?: readonly string[]
  /** What a restore must not reach, each with what it is for. They need not exist yet. */
  reserved: readonly { path: string; holds: string }[]
}

/** What a configuration says of roots. */
export interface Roots {
  /** Real paths of the directories that may be captured. */
  roots: readonly string[]
  /** Why there are no roots: nobody named one, and the working directory is none. */
  rootsProblem?: string
}

const HINT = 'Name a project directory with --root or SNAPSHOT_MCP_ROOTS.'

/**
 * Roots that somebody named must be right. The default is a guess: a desktop client starts servers in `/`, and a
 * server that dies there leaves its user without a word, so it starts without roots and every call says what to set.
 */
export function findRoots(named: readonly string[] | undefined, rules: RootRules): Roots {
  if (named !== undefined && named.length > 0)
    return { roots: [...new Set(named.map((root) => checkRoot(root, rules)))] }
  try {
    return { roots: [checkRoot(rules.cwd, rules)] }
  } catch (error) {
    if (!(error instanceof SnapshotError)) throw error
    return { roots: [], rootsProblem: error.message }
  }
}

/**
 * The real path of a directory that may be captured and restored. INVALID_ARGUMENT when it is not a directory, or
 * when restoring it could reach what must stay out of reach: a whole disk, a whole home, the store itself.
 */
function checkRoot(text: string, rules: RootRules): string {
  const path = resolve(rules.cwd, expandTilde(text, rules.userHome))
  const root = realDirectory(path)
  const refuse = (why: string) => fail('INVALID_ARGUMENT', `The root ${path} is refused: ${why}.`, HINT)
  if (dirname(root) === root) throw refuse('it is the root of a file system')
  if (contains(root, realpathOfFuture(rules.userHome))) throw refuse('it holds your home directory')
  const allowed = rules.within?.map((each) => realpathOfFuture(resolve(expandTilde(each, rules.userHome))))
  if (allowed && !allowed.some((each) => contains(each, root)))
    throw refuse('the policy of the operator does not allow it')
  for (const { path: kept, holds } of rules.reserved)
    if (contains(realpathOfFuture(kept), root) || reachable(root, kept))
      throw refuse(`it overlaps ${kept}, where ${holds}`)
  return root
}

/** INVALID_ARGUMENT for a file with rules that lies where the agent works, which could rewrite them. */
export function refuseReachable(
  roots: readonly string[],
  files: Readonly<Record<string, string | undefined>>,
): void {
  for (const [what, path] of Object.entries(files)) {
    const root = path && roots.find((candidate) => reachable(candidate, path))
    if (root)
      throw fail(
        'INVALID_ARGUMENT',
        `The ${what} ${path} is refused: it can be changed from inside the root ${root}, by the agent that it limits.`,
        'Keep it outside of every root.',
      )
  }
}

export function expandTilde(path: string, userHome: string): string {
  return path === '~' || path.startsWith('~/') ? join(userHome, path.slice(1)) : path
}

function realDirectory(path: string): string {
  try {
    const real = realpathSync.native(path)
    if (statSync(real).isDirectory()) return real
  } catch (cause) {
    throw fail('INVALID_ARGUMENT', `The root ${path} does not exist or cannot be read.`, HINT, { cause })
  }
  throw fail('INVALID_ARGUMENT', `The root ${path} is not a directory.`, HINT)
}

/** Whether `inner` is `outer` or lies below it; compares whole names, so `/a-b` is not below `/a`. */
export function contains(outer: string, inner: string): boolean {
  const path = relative(outer, inner)
  return path === '' || (path !== '..' && !path.startsWith(`..${sep}`) && !isAbsolute(path))
}

/**
 * Whether somebody who may change `root` can change what `path` leads to: the thing itself, or one of the links and
 * directories on the way there.
 */
function reachable(root: string, path: string): boolean {
  if (contains(root, realpathOfFuture(path))) return true
  for (let step = path; dirname(step) !== step; step = dirname(step))
    if (contains(root, join(realpathOfFuture(dirname(step)), basename(step)))) return true
  return false
}

/** The real path of something that may not exist yet: that of its nearest existing parent, and the rest. */
function realpathOfFuture(path: string): string {
  try {
    return realpathSync.native(path)
  } catch {
    const parent = dirname(path)
    return parent === path ? path : join(realpathOfFuture(parent), basename(path))
  }
}
