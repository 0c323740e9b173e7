import { execFileSync } from 'node:child_process'
import { release } from 'node:os'
import { OPERATIONS } from './operations.ts'
import { KINDS } from './points.ts'
import type { Outcome } from './sweep.ts'

const COLUMNS = [...KINDS, 'power loss', 'full disk']

/** Points and violations, an operation a line. */
export function table(outcomes: readonly Outcome[]): string {
  const cell = (of: readonly Outcome[]) => {
    const violations = of.filter((outcome) => outcome.violations.length > 0).length
    return of.length === 0 ? '-' : `${of.length} / ${violations}`
  }
  const row = (name: string, of: readonly Outcome[]) =>
    `| ${[name, ...COLUMNS.map((kind) => cell(of.filter((outcome) => outcome.kind === kind))), cell(of)].join(' | ')} |`
  const operations = OPERATIONS.filter((name) => outcomes.some(({ operation }) => operation === name))
  return [
    `| operation | ${COLUMNS.join(' | ')} | all |`,
    `|---|${COLUMNS.map(() => '---:|').join('')}---:|`,
    ...operations.map((name) =>
      row(
        name,
        outcomes.filter(({ operation }) => operation === name),
      ),
    ),
    row('all', outcomes),
  ].join('\n')
}

/** Equal findings in one line: how often, and where first. */
export function findings(outcomes: readonly Outcome[], kind: 'violations' | 'litter'): string[] {
  const places = new Map<string, string[]>()
  for (const outcome of outcomes) {
    for (const line of new Set(outcome[kind].map(withoutNumbers))) {
      const where = `${outcome.operation}, ${outcome.kind} at ${outcome.what}`
      places.set(line, [...(places.get(line) ?? []), where])
    }
  }
  return [...places].map(([line, where]) => `${line} (${where.length} x, first: ${where[0]})`)
}

const withoutNumbers = (line: string) => line.replaceAll(/[0-9a-f]{12,}|\d{4,}/g, '*').slice(0, 240)

/** What the figures were made with. */
export function versions(): string {
  const [strace] = execFileSync('strace', ['--version'], { encoding: 'utf8' }).split('\n')
  return `Node ${process.version}, Linux ${release()}, ${strace?.replace(' -- version', '')}`
}
