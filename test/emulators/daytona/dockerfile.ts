import { ASSUMED, TRIGGERS } from './assumptions.ts'
import type { ObjectStore } from './storage.ts'
import { normal, readTar } from './tar.ts'

export interface BuildPlan {
  /** What the builder prints, step by step. */
  lines: string[]
  /** Why it fails, if it does. */
  error?: string
}

/**
 * Plays a build: reads the context that was uploaded, goes through the instructions, and stops at the first that fails.
 * A file to copy must be in the context under the path that the Dockerfile names.
 */
export function planBuild(
  store: ObjectStore,
  dockerfile: string,
  contextHashes: readonly string[],
): BuildPlan {
  const context = readContext(store, contextHashes)
  if ('error' in context) return { lines: [], error: context.error }
  const steps = instructions(dockerfile)
  const lines: string[] = []
  for (const [index, step] of steps.entries()) {
    lines.push(`Step ${index + 1}/${steps.length} : ${step.split('\n')[0]}\n`)
    const error = failureOf(step, context.paths)
    if (error !== undefined) return { lines: [...lines, `${error}\n`], error }
  }
  return { lines }
}

/** Paths of all files and directories in all archives of the context, which are unpacked over each other. */
function readContext(store: ObjectStore, hashes: readonly string[]): { paths: string[] } | { error: string } {
  const paths: string[] = []
  for (const hash of hashes) {
    const archive = store.objects.get(`${store.organizationId}/${hash}/context.tar`)
    if (!archive) return { error: ASSUMED.missingContext(hash) }
    try {
      paths.push(...readTar(archive).map(({ path }) => path))
    } catch {
      return { error: ASSUMED.brokenContext(hash) }
    }
  }
  return { paths }
}

/** Without comments and blank lines; continued lines in one, the text of a here-document with its instruction. */
export function instructions(dockerfile: string): string[] {
  const steps: string[] = []
  let open: { text: string; until?: string } | undefined
  for (const line of dockerfile.split(/\r?\n/)) {
    if (open?.until !== undefined) {
      open.text += `\n${line}`
      if (line.trim() === open.until) open = finish(steps, open.text)
      continue
    }
    if (/^\s*(#|$)/.test(line)) continue
    const text: string = open ? `${open.text} ${line.trim()}` : line.trim()
    const marker = /<<-?\s*["']?(\w+)/.exec(line)?.[1]
    if (text.endsWith('\\')) open = { text: text.slice(0, -1).trimEnd() }
    else open = marker === undefined ? finish(steps, text) : { text, until: marker }
  }
  if (open) steps.push(open.text)
  return steps
}

function finish(steps: string[], text: string): undefined {
  steps.push(text)
}

function failureOf(step: string, paths: string[]): string | undefined {
  const [, word = '', rest = ''] = /^(\w+)\s*(.*)$/s.exec(step) ?? []
  const name = word.toUpperCase()
  if (name === 'FROM' && TRIGGERS.missingImage.test(rest))
    return `pull access denied for ${rest}, repository does not exist or may require 'docker login'`
  if (name === 'RUN') {
    const code = /^false$/.test(rest) ? '1' : /^exit ([1-9]\d*)$/.exec(rest)?.[1]
    if (code) return `The command '/bin/sh -c ${rest}' returned a non-zero code: ${code}`
  }
  if ((name === 'COPY' || name === 'ADD') && !rest.includes('<<') && !rest.includes('--from='))
    for (const source of sources(rest))
      if (!/^(https?|git):/.test(source) && !contains(paths, source))
        return `${name} failed: file not found in build context or excluded by .dockerignore: stat ${source}: file does not exist`
  return undefined
}

/** All but the last of the paths, in either form. */
function sources(rest: string): string[] {
  const paths = rest.replace(/^(--\S+\s+)+/, '')
  const list: string[] = paths.startsWith('[') ? JSON.parse(paths) : paths.split(/\s+/)
  return list.slice(0, -1)
}

function contains(paths: string[], source: string): boolean {
  const wanted = normal(source)
  const escaped = wanted
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*/g, '[^/]*')
    .replace(/\?/g, '[^/]')
  const pattern = new RegExp(`^${escaped}(/|$)`)
  return wanted === '' ? paths.length > 0 : paths.some((path) => pattern.test(path))
}

/** What the server takes for the entrypoint of a built image. */
export function entrypointOf(dockerfile: string): string[] {
  const given = /ENTRYPOINT\s+(.*)/.exec(dockerfile)?.[1]?.trim()
  if (given === undefined) return ['sleep', 'infinity']
  try {
    const list: unknown = JSON.parse(given)
    if (Array.isArray(list)) return list.map(String)
  } catch {
    // Then it is the shell form.
  }
  return [given.replace(/["']/g, '')]
}
