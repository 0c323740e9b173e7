import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { content } from '../../test/support/trees.ts'

/** A project-like tree, the same on every machine: 10,000 files of 1 to 30 KB in 200 directories, a fifth binary. */
export const FILES = 10_000
const DIRECTORIES = 200

export function makeTree(root: string): { bytes: number } {
  const random = generator(20_260_728)
  for (let n = 0; n < DIRECTORIES; n++) mkdirSync(join(root, directory(n)), { recursive: true })
  let bytes = 0
  for (let n = 0; n < FILES; n++) {
    // Many small, few large, as in real projects.
    const size = Math.floor(1000 + 29_000 * random() ** 3)
    const data = n % 5 === 0 ? content(size, n) : prose(size, random)
    writeFileSync(join(root, file(n)), data)
    bytes += data.length
  }
  return { bytes }
}

/** Changes 20 files spread over the tree, differently for each seed. */
export function edit(root: string, seed: number): void {
  for (let n = 0; n < 20; n++) appendFileSync(join(root, file((n * 499 + seed) % FILES)), `edited ${seed}\n`)
}

const directory = (n: number) => (n % 4 === 0 ? `src/part-${n}` : `src/part-${n - (n % 4)}/sub-${n}`)
const file = (n: number) => join(directory(n % DIRECTORIES), `file-${n}.${n % 5 === 0 ? 'bin' : 'ts'}`)

const WORDS =
  'const return import function value await string number export type index error result state'.split(' ')

/** Text that compresses about as code does. */
export function prose(size: number, random: () => number): Buffer {
  let text = ''
  while (text.length < size) {
    const word = WORDS[Math.floor(random() * WORDS.length)]
    text += random() < 0.15 ? `${word}${Math.floor(random() * 1e6)}\n  ` : `${word} `
  }
  return Buffer.from(text.slice(0, size))
}

/** mulberry32: small, fast and the same everywhere. */
export function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
