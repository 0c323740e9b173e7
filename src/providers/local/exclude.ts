import { fail } from '../../snapshots/errors.ts'
import { type ByteString, fromText } from './names.ts'

/** Tells whether a path (relative to the source) is left out of a snapshot. */
export type Exclude = (path: ByteString, directory: boolean) => boolean

/**
 * Patterns in the manner of .gitignore, without negation: `*` and `?` match within a name, `**` any number of
 * directories; a pattern without a slash matches a name at any depth, one with a slash is anchored at the source; a
 * trailing slash means directories only. Brackets are plain characters. Matching takes at most
 * pattern length x path length steps, whatever the pattern.
 */
export function compileExclude(patterns: readonly string[]): Exclude {
  if (patterns.length === 0) return () => false
  const rules = patterns.map(compile)
  return (path, directory) => {
    const parts = path.split('/')
    return rules.some((rule) => (directory || !rule.directoriesOnly) && matchParts(rule.parts, parts))
  }
}

function compile(pattern: string): { parts: ByteString[]; directoriesOnly: boolean } {
  const directoriesOnly = pattern.endsWith('/')
  const body = pattern.replace(/\/$/, '')
  const parts = body.replace(/^\//, '').split('/').map(fromText)
  if (pattern.startsWith('!') || parts.some((part) => part === '' || part === '.' || part === '..')) {
    throw fail(
      'INVALID_ARGUMENT',
      `The exclude pattern ${JSON.stringify(pattern)} is not usable. Nothing was captured.`,
      'Use patterns such as "node_modules", "*.log", "build/" or "docs/**/*.pdf"; negation with "!" is not supported.',
    )
  }
  return { parts: body.includes('/') ? parts : ['**', ...parts], directoriesOnly }
}

function matchParts(pattern: readonly ByteString[], path: readonly ByteString[]): boolean {
  return wildcard(pattern.length, path.length, {
    isStar: (p) => pattern[p] === '**',
    step: (p, s) => (matchName(pattern[p] as string, path[s] as string) ? 1 : 0),
  })
}

function matchName(pattern: ByteString, name: ByteString): boolean {
  return wildcard(pattern.length, name.length, {
    isStar: (p) => pattern[p] === '*',
    step: (p, s) => (pattern[p] === '?' ? characterLength(name, s) : pattern[p] === name[s] ? 1 : 0),
  })
}

/** Bytes of the UTF-8 character at `at`: one `?` stands for one character. */
function characterLength(name: ByteString, at: number): number {
  let length = 1
  while (at + length < name.length && (name.charCodeAt(at + length) & 0xc0) === 0x80) length++
  return length
}

/** Greedy matching with one point to fall back to: `step` says how much of the subject a plain token takes, 0 for none. */
function wildcard(
  patternLength: number,
  subjectLength: number,
  token: { isStar(p: number): boolean; step(p: number, s: number): number },
): boolean {
  let p = 0
  let s = 0
  let starAt = -1
  let resumeAt = 0
  while (s < subjectLength) {
    if (p < patternLength && token.isStar(p)) {
      starAt = p++
      resumeAt = s
      continue
    }
    const taken = p < patternLength ? token.step(p, s) : 0
    if (taken > 0) {
      p++
      s += taken
    } else if (starAt >= 0) {
      p = starAt + 1
      s = ++resumeAt
    } else {
      return false
    }
  }
  while (p < patternLength && token.isStar(p)) p++
  return p === patternLength
}
