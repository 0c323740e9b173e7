import { parseArgs } from 'node:util'

export const PARTS = ['W1', 'W2', 'W3', 'W4', 'scaling'] as const
export type Part = (typeof PARTS)[number]

export interface Options {
  /** Where trees are made, and kept between runs where making them is slow. Absent: a directory that goes away. */
  dir?: string
  only: ReadonlySet<Part>
  rounds: number
}

export const USAGE = `Usage: npm run bench:engine -- [--dir DIR] [--only ${PARTS.join(',')}] [--rounds N]

  --dir DIR     Work below DIR and keep there what was installed, for the next run. Default: the temporary directory,
                and nothing is kept.
  --only LIST   Measure these parts and print; docs/benchmarks.md is written only when all were measured.
  --rounds N    Rounds of each contestant, 1 to 99. Default 3.
`

/** Throws with a sentence for the person who typed it. */
export function parseOptions(argv: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...argv],
    options: { dir: { type: 'string' }, only: { type: 'string' }, rounds: { type: 'string' } },
  })
  const only = values.only?.split(',') ?? PARTS
  const unknown = only.find((name) => !PARTS.includes(name as Part))
  if (unknown !== undefined) throw new Error(`--only: there is no ${unknown}; there are ${PARTS.join(', ')}`)
  const rounds = Number(values.rounds ?? 3)
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > 99)
    throw new Error('--rounds: a number from 1 to 99')
  return {
    ...(values.dir !== undefined && { dir: values.dir }),
    only: new Set(only as Part[]),
    rounds,
  }
}
