import { appendFileSync, closeSync, openSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { content } from '../../../test/support/trees.ts'
import { generator } from '../tree.ts'

export interface EditCounts {
  edited: number
  added: number
  deleted: number
}

/** Appends a line to some files, makes some and deletes some, spread over the tree, elsewhere for each seed. */
export function editFiles(root: string, files: readonly string[], seed: number, counts: EditCounts): void {
  const { edited, added, deleted } = counts
  const stride = Math.floor(files.length / (edited + added + deleted))
  const pick = (n: number) => join(root, files[n * stride + (seed % stride)]!)
  for (let n = 0; n < edited; n++) appendFileSync(pick(n), `edited ${seed}\n`)
  for (let n = 0; n < added; n++) writeFileSync(`${pick(edited + n)}.new-${seed}`, content(2000, seed + n))
  for (let n = 0; n < deleted; n++) rmSync(pick(edited + added + n))
}

export const PAGE = 4096

/** Writes fresh bytes over scattered pages of one file, as a database does: its size stays. */
export function editPages(path: string, seed: number, pages: number): void {
  const random = generator(seed)
  const total = Math.floor(statSync(path).size / PAGE)
  const fd = openSync(path, 'r+')
  try {
    for (let n = 0; n < pages; n++)
      writeSync(fd, content(PAGE, seed * pages + n), 0, PAGE, PAGE * Math.floor(random() * total))
  } finally {
    closeSync(fd)
  }
}
