import { join } from 'node:path'
import { editFiles, editPages } from './edits.ts'
import { makeBinary, makeDatabase, makeFiles } from './make-tree.ts'
import { makeProject } from './packages.ts'

/** A tree to measure on. */
export interface Workspace {
  name: 'W1' | 'W2' | 'W3' | 'W4'
  title: string
  /** Makes it at `root`, which does not exist. `cache` may keep things between runs. Returns what it is, in words. */
  make(root: string, cache: string, signal: AbortSignal): Promise<string>
  /** Changes it a little, elsewhere for each seed. `files` is what is in it. */
  edit(root: string, files: readonly string[], seed: number): void
  /** The edit in words. */
  edits: string
  /** At most so many rounds, however many were asked for; of slow contestants, so many. */
  rounds: { most: number; slow: number }
  /** Which of the contestants take part. */
  peers: 'all' | 'few'
  /** Rounds of 20 small edits after which the store is measured again. */
  growth?: number
}

const MiB = 1 << 20
const BINARIES = [1, 2, 3, 4]
const DATABASE = 'data/app.sqlite'

const few = { edited: 20, added: 5, deleted: 5 }
const usual = {
  edit: (root: string, files: readonly string[], seed: number) => editFiles(root, files, seed, few),
  edits: '20 files edited, 5 added, 5 deleted',
}

export const WORKSPACES: readonly Workspace[] = [
  {
    name: 'W1',
    title: 'a small repository',
    async make(root) {
      makeFiles(root, { seed: 1, files: 471, directories: 290, sizes: [500, 56_000], binaryEvery: 6 })
      return 'generated: prose, one file in six does not compress'
    },
    ...usual,
    rounds: { most: 99, slow: 99 },
    peers: 'all',
    growth: 100,
  },
  {
    name: 'W2',
    title: 'a project with node_modules',
    make: makeProject,
    ...usual,
    rounds: { most: 99, slow: 1 },
    peers: 'all',
    growth: 20,
  },
  {
    name: 'W3',
    title: '200,000 small files',
    async make(root) {
      const small = { sizes: [100, 4000], binaryEvery: 10 } as const
      makeFiles(root, { seed: 3, files: 140_000, directories: 1_400, ...small })
      makeFiles(join(root, 'huge'), { seed: 4, files: 50_000, directories: 1, ...small })
      makeFiles(join(root, 'large'), { seed: 5, files: 10_000, directories: 1, ...small })
      return 'generated: 140,000 files in 1,400 directories, one directory of 10,000, one of 50,000'
    },
    ...usual,
    rounds: { most: 1, slow: 1 },
    peers: 'few',
  },
  {
    name: 'W4',
    title: 'big binaries and a database',
    async make(root) {
      for (const n of BINARIES) makeBinary(join(root, `models/weights-${n}.bin`), 512 * MiB, n)
      makeDatabase(join(root, DATABASE), 200 * MiB)
      return 'generated: four files of 512 MiB that do not compress, one of 200 MiB in pages of 4 KiB'
    },
    edit: (root, _files, seed) => editPages(join(root, DATABASE), seed + 1, 50),
    edits: '50 scattered pages of the database written over',
    rounds: { most: 2, slow: 1 },
    peers: 'few',
  },
]
