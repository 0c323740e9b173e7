import { fail } from '../../snapshots/errors.ts'
import { plain } from '../../snapshots/plain.ts'

/**
 * What of its build context a Dockerfile names: the sources of COPY and ADD, but not what comes from another stage, from
 * the network, or from the Dockerfile itself. INVALID_ARGUMENT where a variable stands for a name.
 */
export function copiedPaths(dockerfile: string): string[] {
  const paths = instructions(dockerfile).flatMap(sourcesOf)
  return [...new Set(paths)]
}

/** One instruction a text: continued lines joined, comments, blank lines and the texts of here-documents left out. */
function instructions(dockerfile: string): string[] {
  const lines = dockerfile.replace(/^\ufeff/, '').split(/\r?\n/)
  const continued = escapeOf(lines)
  const found: string[] = []
  let open: string | undefined
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]!
    if (/^\s*(#|$)/.test(line)) continue
    const text: string = open === undefined ? line.trim() : `${open} ${line.trim()}`
    if (text.endsWith(continued)) {
      open = text.slice(0, -1).trimEnd()
      continue
    }
    open = undefined
    found.push(text)
    for (const { end, tabs } of hereDocuments(text)) {
      do at++
      while (at < lines.length && (tabs ? lines[at]!.replace(/^\t+/, '') : lines[at]) !== end)
    }
  }
  return open === undefined ? found : [...found, open]
}

/** `# escape=` in the first lines, where only such directives stand. */
function escapeOf(lines: readonly string[]): string {
  for (const line of lines) {
    const [, name, value] = /^\s*#\s*(\w+)\s*=\s*(\S+)\s*$/.exec(line) ?? []
    if (name === undefined) break
    if (name.toLowerCase() === 'escape' && value === '`') return '`'
  }
  return '\\'
}

/** Only these instructions can have one; elsewhere `<<` is just text. */
function hereDocuments(text: string): { end: string; tabs: boolean }[] {
  if (!/^(RUN|COPY|ADD)\s/i.test(text)) return []
  return [...text.matchAll(/(?:^|\s)\d*<<(-?)(["']?)([A-Za-z_][\w.]*)\2/g)].map(([, dash, , end]) => ({
    end: end!,
    tabs: dash === '-',
  }))
}

function sourcesOf(instruction: string): string[] {
  const [, rest] = /^(?:COPY|ADD)\s+(.*)$/is.exec(instruction) ?? []
  if (rest === undefined) return []
  const [flags = ''] = /^(--\S+\s+)*/.exec(rest) ?? []
  if (/--from=/i.test(flags)) return []
  const named = words(rest.slice(flags.length)).slice(0, -1)
  return named.filter((path) => !isRemote(path) && !path.startsWith('<<')).map(known)
}

/** The list form in JSON, or words that may be quoted. */
function words(text: string): string[] {
  if (text.startsWith('[')) {
    const list = parse(text)
    if (Array.isArray(list) && list.every((each) => typeof each === 'string')) return list
  }
  return [...text.matchAll(/(?:"([^"]*)"|'([^']*)'|((?:\\.|[^\s\\])+))/g)].map(
    ([, double, single, bare]) => double ?? single ?? bare!.replace(/\\(.)/g, '$1'),
  )
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const isRemote = (path: string) => /^(https?|git|ssh|ftp):\/\/|^git@/i.test(path)

/** What a variable stands for is known to the builder alone. */
function known(path: string): string {
  if (!path.includes('$')) return path
  throw fail(
    'INVALID_ARGUMENT',
    `The Dockerfile copies "${plain(path, 100)}", and what that stands for is not known here. Nothing was changed.`,
    'Name the files that it copies in daytona.context.',
  )
}
