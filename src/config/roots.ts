import { realpathSync, statSync } from 'node:fs'
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { fail } from '../snapshots/errors.ts'

export interface RootRules {
  cwd: string
  /** The home directory of the user. */
  userHome: string
  /** Where the server keeps its store. It need not exist yet. */
  store: string
}

const HINT = 'Name a project directory with --root or SNAPSHOT_MCP_ROOTS.'

/**
 * The real path of a directory that may be captured and restored. INVALID_ARGUMENT when it is not a directory, or
 * when restoring it could reach what must stay out of reach: a whole disk, a whole home, the store itself.
 */
export function checkRoot(text: string, rules: RootRules): string {
  const path = resolve(rules.cwd, expandTilde(text, rules.userHome))
  const root = realDirectory(path)
  const refuse = (why: string) => fail('INVALID_ARGUMENT', `The root ${path} is refused: ${why}.`, HINT)
  if (dirname(root) === root) throw refuse('it is the root of a file system')
  if (contains(root, realpathOfFuture(rules.userHome))) throw refuse('it holds your home directory')
  const store = realpathOfFuture(rules.store)
  if (contains(root, store) || contains(store, root))
    throw refuse(`it overlaps ${store}, where snapshots are kept`)
  return root
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

/** The real path of something that may not exist yet: that of its nearest existing parent, and the rest. */
function realpathOfFuture(path: string): string {
  try {
    return realpathSync.native(path)
  } catch {
    const parent = dirname(path)
    return parent === path ? path : join(realpathOfFuture(parent), basename(path))
  }
}
