import {
  appendFileSync,
  chmodSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import * as fc from 'fast-check'
import { picture } from './oracle.ts'
import { content } from './trees.ts'

/** One thing that an agent (or an accident) does to a directory. `pick` chooses the victim among what is there. */
export interface Edit {
  what: keyof typeof EDITS
  pick: number
  seed: number
}

/**
 * `disguise` keeps size and mtime while the content changes: only an engine that looks at more than those two, or
 * does not trust a fresh file, sees it.
 */
const EDITS = {
  add: (_at: Buffer, seed: number, fresh: Buffer) => writeFileSync(fresh, content(seed % 500, seed)),
  addDirectory: (_at: Buffer, _seed: number, fresh: Buffer) => mkdirSync(fresh),
  remove: (at: Buffer) => rmSync(at, { recursive: true }),
  rename: (at: Buffer, _seed: number, fresh: Buffer) => renameSync(at, fresh),
  overwrite: onFile((at, seed) => writeFileSync(at, content(seed % 2000, seed))),
  append: onFile((at) => appendFileSync(at, 'more')),
  truncate: onFile((at) => truncateSync(at, Math.floor(lstatSync(at).size / 2))),
  disguise: onFile((at) => {
    const { atimeMs, mtimeMs } = lstatSync(at)
    writeFileSync(
      at,
      readFileSync(at).map((byte) => byte ^ 1),
    )
    lutimesSync(at, atimeMs / 1000, mtimeMs / 1000)
  }),
  touch: (at: Buffer, seed: number) => lutimesSync(at, seed, seed),
  chmod: (at: Buffer, seed: number) => {
    if (!lstatSync(at).isSymbolicLink()) chmodSync(at, 0o700 | (seed & 0o77))
  },
  becomeLink: (at: Buffer) => {
    rmSync(at, { recursive: true })
    symlinkSync('/etc', at)
  },
  becomeDirectory: (at: Buffer) => {
    rmSync(at, { recursive: true })
    mkdirSync(at)
    writeFileSync(Buffer.concat([at, Buffer.from('/inside')]), 'inside')
  },
  becomeFile: (at: Buffer) => {
    rmSync(at, { recursive: true })
    writeFileSync(at, 'a file now')
  },
} satisfies Record<string, (at: Buffer, seed: number, fresh: Buffer) => void>

export const edits: fc.Arbitrary<Edit[]> = fc.array(
  fc.record({
    what: fc.constantFrom(...(Object.keys(EDITS) as Edit['what'][])),
    pick: fc.nat(1000),
    seed: fc.integer({ min: 1, max: 100_000 }),
  }),
  { minLength: 1, maxLength: 8 },
)

/** Applies the edits one after the other; one that finds nothing to work on, or may not, does nothing. */
export function apply(dir: string, list: Edit[]): void {
  list.forEach(({ what, pick, seed }, index) => {
    const paths = [...picture(dir).keys()].filter((path) => path !== '')
    const victim = paths[pick % Math.max(paths.length, 1)]
    if (victim === undefined && what !== 'add' && what !== 'addDirectory') return
    const at = Buffer.from(`${dir}/${victim ?? ''}`, 'latin1')
    const fresh = Buffer.concat([at.subarray(0, at.lastIndexOf('/') + 1), Buffer.from(`new-${index}`)])
    try {
      EDITS[what](at, seed, fresh)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error
    }
  })
}

function onFile(edit: (at: Buffer, seed: number) => void) {
  return (at: Buffer, seed: number) => {
    if (lstatSync(at).isFile()) edit(at, seed)
  }
}
