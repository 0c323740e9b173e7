import { cpSync, mkdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PROJECT } from '../../test/support/server.ts'
import { type Mutant, mutated } from './mutant.ts'

const PARTS = ['src', 'test', 'scripts', 'package.json', 'tsconfig.json', 'vitest.config.ts']

/** A copy of the project in which one thing at a time is changed. */
export interface Tree {
  directory: string
  /** Throws when the mutant does not fit the source any more. */
  check(mutant: Mutant): void
  /** Takes one check away for the time of `work`. */
  without<T>(mutant: Mutant, work: () => Promise<T>): Promise<T>
}

export function createTree(directory: string): Tree {
  mkdirSync(directory)
  for (const part of PARTS) cpSync(join(PROJECT, part), join(directory, part), { recursive: true })
  symlinkSync(realpathSync(join(PROJECT, 'node_modules')), join(directory, 'node_modules'), 'junction')
  const pathOf = ({ file }: Mutant) => join(directory, 'src', file)
  return {
    directory,
    check: (mutant) => void mutated(readFileSync(pathOf(mutant), 'utf8'), mutant),
    async without(mutant, work) {
      const path = pathOf(mutant)
      const before = readFileSync(path, 'utf8')
      writeFileSync(path, mutated(before, mutant))
      try {
        return await work()
      } finally {
        writeFileSync(path, before)
      }
    },
  }
}
