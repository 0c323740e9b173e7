import {
  appendFileSync,
  chmodSync,
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { content } from '../../test/support/trees.ts'

/** Not UTF-8, so that a path on the way through a crash has to stay bytes. Only Linux can trace, and stores it. */
const odd = (root: string, name: string) =>
  Buffer.concat([Buffer.from(`${root}/`), Buffer.from(name, 'latin1')])

/** One entry of every kind, small enough to be restored a thousand times. */
export function build(root: string): void {
  for (const dir of ['src/lib', 'empty', 'sealed', 'gone/deep'])
    mkdirSync(join(root, dir), { recursive: true })
  const write = (path: string, data: string | Buffer) => writeFileSync(join(root, path), data)
  write('README.md', '# A project\n')
  write('.env', 'KEY=value\n')
  chmodSync(join(root, '.env'), 0o600)
  for (let n = 0; n < 6; n++) write(`src/lib/module-${n}.js`, `export const n = ${n}\n`.repeat(20))
  write('src/run', '#!/bin/sh\n')
  chmodSync(join(root, 'src/run'), 0o755)
  write('gone/deep/one.txt', 'one\n')
  write('gone/two.txt', 'two\n')
  write('nothing.txt', '')
  // In chunks, and the last one is short.
  write('big.bin', content(1_100_000, 7))
  linkSync(join(root, 'README.md'), join(root, 'src/README.link'))
  symlinkSync('src/run', join(root, 'current'))
  symlinkSync('/nowhere/at/all', join(root, 'dangling'))
  writeFileSync(odd(root, 'caf\xe9.txt'), 'latin\n')
  write('sealed/kept.txt', 'kept\n')
  chmodSync(join(root, 'sealed'), 0o555)
}

/** A first round of work. */
export function edit(root: string): void {
  appendFileSync(join(root, 'README.md'), 'More.\n')
  writeFileSync(join(root, 'src/lib/module-0.js'), 'export const n = "other"\n')
  writeFileSync(join(root, 'added.txt'), 'added\n')
  unlinkSync(join(root, 'src/lib/module-5.js'))
}

/** A second one, with a change of every kind that a restore has to take back. */
export function wreck(root: string): void {
  unlinkSync(join(root, 'src/README.link'))
  writeFileSync(join(root, 'src/lib/module-1.js'), '// oops\n')
  const big = openSync(join(root, 'big.bin'), 'r+')
  writeSync(big, 'edited', 600_000)
  closeSync(big)
  rmSync(join(root, 'gone'), { recursive: true })
  writeFileSync(join(root, 'gone'), 'a file now\n')
  unlinkSync(join(root, 'current'))
  symlinkSync('src/lib', join(root, 'current'))
  chmodSync(join(root, 'src/run'), 0o644)
  unlinkSync(join(root, 'dangling'))
  mkdirSync(join(root, 'dangling'))
  mkdirSync(join(root, 'tmp/logs'), { recursive: true })
  writeFileSync(join(root, 'tmp/logs/junk.log'), 'junk\n')
  writeFileSync(odd(root, 'caf\xe9.txt'), 'changed\n')
  writeFileSync(odd(root, 'new\xff'), 'new\n')
}
