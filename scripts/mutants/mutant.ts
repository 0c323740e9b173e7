/** One check taken away, and who has to notice. */
export interface Mutant {
  /** What is missing then, in words for the table. */
  without: string
  /** Below `src/`. */
  file: string
  /** Has to be there exactly once. */
  find: string
  instead: string
  /** Below `test/`: the fewest files that may notice. */
  tests: readonly string[]
  /** Part of the title of a test that has to go red. */
  red: string
}

export interface Layer {
  name: string
  mutants: readonly Mutant[]
}

/** The source with the check taken away. Throws when it does not fit any more: it must not rot unnoticed. */
export function mutated(source: string, { file, find, instead }: Mutant): string {
  const pieces = source.split(find)
  if (pieces.length === 2) return pieces.join(instead)
  throw new Error(`src/${file} has this ${pieces.length - 1} times, and not once:\n${find}`)
}
