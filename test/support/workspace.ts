import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { content } from './trees.ts'

/** A small project as an agent finds it: code, binaries, links, a nested repository, secrets, awkward names. */
export function makeWorkspace(root: string): void {
  for (const dir of ['src/lib', 'bin', 'data', 'empty', 'vendor/tool/.git/refs'])
    mkdirSync(join(root, dir), { recursive: true })
  const write = (path: string, data: string | Buffer, mode = 0o644) => {
    writeFileSync(join(root, path), data)
    chmodSync(join(root, path), mode)
  }
  write('README.md', '# A project\n')
  write('.env', 'API_KEY=do-not-print-me\n', 0o600)
  write('src/index.js', 'export { add } from "./lib/add.js"\n')
  write('src/lib/add.js', 'export const add = (a, b) => a + b\n')
  write('src/lib/old.js', 'export const old = true\n')
  write('bin/run', '#!/bin/sh\nexec node src/index.js\n', 0o755)
  write('data/model.bin', content(1_500_000, 1))
  write('data/empty.txt', '')
  write('data/two\nlines -rf "quoted".txt', 'an awkward name\n')
  write('vendor/tool/.git/HEAD', 'ref: refs/heads/main\n')
  symlinkSync('src/index.js', join(root, 'current'))
  symlinkSync('/nowhere/at/all', join(root, 'dangling'))
  linkSync(join(root, 'README.md'), join(root, 'README.link'))
  utimesSync(join(root, 'src/index.js'), 1_600_000_000, 1_600_000_000.123456)
}

/** What an agent breaks in it, and what a diff has to say about that. */
export function damage(root: string): { kind: string; path: string }[] {
  unlinkSync(join(root, 'README.link'))
  writeFileSync(join(root, 'src/index.js'), '// oops\n')
  appendFileSync(join(root, 'data/model.bin'), 'tail')
  rmSync(join(root, 'src/lib/old.js'))
  rmSync(join(root, 'vendor'), { recursive: true })
  chmodSync(join(root, 'bin/run'), 0o644)
  unlinkSync(join(root, 'current'))
  symlinkSync('src/lib/add.js', join(root, 'current'))
  mkdirSync(join(root, 'tmp'))
  writeFileSync(join(root, 'tmp/junk.log'), 'junk\n')
  return [
    { kind: 'removed', path: 'README.link' },
    // It has lost its other name.
    { kind: 'modified', path: 'README.md' },
    { kind: 'modified', path: 'bin/run' },
    { kind: 'modified', path: 'current' },
    { kind: 'modified', path: 'data/model.bin' },
    { kind: 'modified', path: 'src/index.js' },
    { kind: 'removed', path: 'src/lib/old.js' },
    { kind: 'added', path: 'tmp' },
    { kind: 'added', path: 'tmp/junk.log' },
    { kind: 'removed', path: 'vendor' },
    { kind: 'removed', path: 'vendor/tool' },
    { kind: 'removed', path: 'vendor/tool/.git' },
    { kind: 'removed', path: 'vendor/tool/.git/HEAD' },
    { kind: 'removed', path: 'vendor/tool/.git/refs' },
  ]
}

/** Enough content to have time to interrupt what is done with it. */
export function makeBulk(root: string): void {
  for (let n = 0; n < 100; n++) writeFileSync(join(root, `bulk-${n}.bin`), content(2_000_000, n))
}
