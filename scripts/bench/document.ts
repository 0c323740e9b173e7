import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { PROJECT } from '../../test/support/server.ts'

const PATH = join(PROJECT, 'docs/benchmarks.md')
const PARTS = ['session', 'engine', 'http'] as const
export type Part = (typeof PARTS)[number]

const open = (part: Part) => `<!-- bench:${part} -->`
const CLOSE = '<!-- /bench -->'

const EMPTY = `# Benchmarks

Absolute times depend on the machine and its hour: compare within a table only.

${PARTS.map((part) => `${open(part)}\n${CLOSE}\n`).join('\n')}`

/** Replaces one part of docs/benchmarks.md; each command owns one and leaves the others as they are. */
export function writePart(part: Part, content: string): void {
  const before = existsSync(PATH) ? readFileSync(PATH, 'utf8') : EMPTY
  const start = before.indexOf(open(part))
  const end = before.indexOf(CLOSE, start)
  if (start < 0 || end < 0) throw new Error(`docs/benchmarks.md has no part ${open(part)} ... ${CLOSE}`)
  mkdirSync(dirname(PATH), { recursive: true })
  writeFileSync(PATH, `${before.slice(0, start)}${open(part)}\n\n${content.trim()}\n\n${before.slice(end)}`)
}
