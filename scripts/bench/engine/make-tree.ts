import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { content } from '../../../test/support/trees.ts'
import { generator, prose } from '../tree.ts'
import { PAGE } from './edits.ts'

const MiB = 1 << 20

export interface Shape {
  seed: number
  files: number
  directories: number
  /** Sizes in bytes, most of them near the smaller end. */
  sizes: readonly [number, number]
  /** Every how many files one does not compress. */
  binaryEvery: number
}

/** Files of prose and of random bytes, spread evenly over nested directories. The same for the same shape. */
export function makeFiles(root: string, { seed, files, directories, sizes, binaryEvery }: Shape): void {
  const random = generator(seed)
  const paths = ['']
  for (let n = 1; n < directories; n++) paths.push(join(paths[Math.floor((n - 1) / 6)]!, `dir-${n}`))
  for (const path of paths) mkdirSync(join(root, path), { recursive: true })
  const [least, most] = sizes
  for (let n = 0; n < files; n++) {
    const size = Math.floor(least + (most - least) * random() ** 3)
    const binary = n % binaryEvery === 0
    const name = join(paths[n % paths.length]!, `file-${n}.${binary ? 'bin' : 'md'}`)
    writeFileSync(join(root, name), binary ? content(size, n) : prose(size, random))
  }
}

/** A file that does not compress, written in pieces. */
export function makeBinary(path: string, bytes: number, seed: number): void {
  inPieces(path, bytes / MiB, (n) => content(MiB, seed * 4096 + n))
}

/** Pages as a database has them: a header, rows of text, then room left. */
export function makeDatabase(path: string, bytes: number): void {
  const random = generator(bytes)
  const rows = Array.from({ length: 64 }, () => prose(2800, random))
  inPieces(path, bytes / PAGE, (n) => {
    const page = Buffer.alloc(PAGE)
    page.write(n === 0 ? 'SQLite format 3\0' : `page ${n} of the table\0`)
    rows[Math.floor(random() * rows.length)]!.copy(page, 100)
    page.write(`row ${random()}`, 3000)
    return page
  })
}

function inPieces(path: string, count: number, piece: (n: number) => Buffer): void {
  mkdirSync(dirname(path), { recursive: true })
  const fd = openSync(path, 'wx')
  try {
    for (let n = 0; n < count; n++) writeSync(fd, piece(n))
  } finally {
    closeSync(fd)
  }
}
