import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PROJECT } from '../../test/support/server.ts'
import type { Verdict } from './judge.ts'
import type { Layer } from './mutant.ts'

const PAGE = join(PROJECT, 'docs/reliability.md')

/** A line for each check, in the order of the layers. */
export function table(layers: readonly Layer[], verdicts: readonly Verdict[]): string {
  const rows = layers.flatMap(({ name, mutants }) =>
    mutants.map((mutant) => {
      const { noticedBy, problem = '' } = verdicts.find((each) => each.mutant === mutant) ?? {}
      const red = noticedBy ? `${noticedBy.file}: ${noticedBy.title}` : problem
      return `| ${[name, mutant.without, cell(red), noticedBy ? 'noticed' : 'NOT NOTICED'].join(' | ')} |`
    }),
  )
  return ['| layer | taken away | went red | result |', '|---|---|---|---|', ...rows].join('\n')
}

/** Titles hold whatever they test. */
const cell = (text: string) => text.replace(/[\\|<>*_`[\]]/g, '\\$&').replace(/\s+/g, ' ')

export function writePage(text: string): void {
  const before = readFileSync(PAGE, 'utf8')
  const after = before.replace(
    /(<!-- mutants -->)[\s\S]*(<!-- \/mutants -->)/,
    (_, open, close) => `${open}\n\n${text}\n\n${close}`,
  )
  if (!after.includes(text)) throw new Error(`docs/reliability.md has no part <!-- mutants -->`)
  writeFileSync(PAGE, after)
}
