import { matchesGlob } from '../../guard/glob.ts'

/** Tells whether a path of the context, relative and with slashes, is left out of it. */
export type Ignores = (path: string) => boolean

/**
 * The rules of a .dockerignore file: from the root of the context, `*` and `?` within a name, `**` for any number of
 * directories; what is in a directory that fits is left out, too; `!` takes back, and the last rule that fits decides.
 * A class in brackets fits any one character: it leaves out too much rather than upload what was to be left out.
 */
export function dockerignore(text: string): Ignores {
  const rules = text
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)
    .filter((line) => !line.startsWith('#'))
    .map((line) => line.trim())
    .map((line) => ({ out: !line.startsWith('!'), parts: partsOf(line.replace(/^!/, '')) }))
    .filter(({ parts }) => parts.length > 0)
  return (path) => {
    const names = path.split('/')
    return rules.findLast(({ parts, out }) => fits(out ? parts.map(anyOf) : parts, names))?.out ?? false
  }
}

const partsOf = (pattern: string) =>
  pattern
    .trim()
    .split('/')
    .filter((part) => part !== '' && part !== '.')

const anyOf = (part: string) => part.replace(/\[[^\]]*\]/g, '?')

/**
 * Whether the pattern fits the path or a directory above it. Row by row, so that it takes at most as many steps as there
 * are pairs of parts: whoever wrote the file may mean harm.
 */
function fits(parts: readonly string[], names: readonly string[]): boolean {
  /** Which beginnings of the pattern fit the names so far. */
  let reached = closed(parts, new Set([0]))
  for (const name of names) {
    const next = new Set<number>()
    for (const at of reached) {
      const part = parts[at]
      if (part === undefined) continue
      if (part === '**') next.add(at).add(at === parts.length - 1 ? at + 1 : at)
      else if (matchesGlob(part, name)) next.add(at + 1)
    }
    reached = closed(parts, next)
    if (reached.has(parts.length)) return true
  }
  return false
}

/** `**` may stand for no directory at all, but at the end it stands for something. */
function closed(parts: readonly string[], reached: Set<number>): Set<number> {
  for (const at of reached) if (parts[at] === '**' && at < parts.length - 1) reached.add(at + 1)
  return reached
}
