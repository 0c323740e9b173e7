import { createCipheriv } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  ftruncateSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  openSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import * as fc from 'fast-check'

/** A directory tree as data: fast-check makes and shrinks it, `build` puts it on disk. Names are bytes as latin1. */
export type Tree = [name: string, node: TreeNode][]
export type TreeNode =
  | { type: 'file'; size: number; seed: number; sparse: boolean; mode: number; mtime: number | undefined }
  | { type: 'directory'; children: Tree; mode: number; mtime: number | undefined }
  | { type: 'symlink'; target: string; mtime: number | undefined }
  | { type: 'hardlink'; to: number }

const bytes = (text: string) => Buffer.from(text, 'utf8').toString('latin1')
const ROOT = process.getuid?.() === 0
const KiB = 1024

/** Names that have broken tools like this one before. */
export const AWKWARD_NAMES = [
  ...['.env', '.git', '.gitignore', 'node_modules', 'a', 'ab', 'a.b', '..a', '...', 'CON', 'back\\slash'],
  ...['-rf', '--help', ' ', 'trailing ', 'new\nline', 'tab\t', 'quo"te', "apostro'phe", '*', '$HOME', '`id`'],
  ...['\x1b[31mred', '\u202etxt.exe', 'caf\u00e9', 'cafe\u0301', '\u{1f4be}', 'x'.repeat(255)].map(bytes),
  // What no UTF-8 decoder brings back: only Linux file systems store it.
  ...(process.platform === 'linux' ? ['\xff\xfe', 'half\xc3', '\x80'.repeat(255)] : []),
]

const anyName = fc
  .uint8Array({ min: 1, max: 127, minLength: 1, maxLength: 12 })
  .map((codes) => Buffer.from(codes).toString('latin1').replaceAll('/', '_'))
  .filter((name) => name !== '.' && name !== '..')

const name = fc.oneof({ weight: 2, arbitrary: fc.constantFrom(...AWKWARD_NAMES) }, anyName)

const CHUNK = 256 * KiB
const size = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 300 }) },
  { weight: 2, arbitrary: fc.constantFrom(0, 1, 4096, CHUNK - 1, CHUNK, CHUNK + 1) },
  { weight: 1, arbitrary: fc.constantFrom(4 * CHUNK - 1, 4 * CHUNK, 4 * CHUNK + 1, 5 * CHUNK + 7) },
)

/** Seconds: the natural time of creation (odd nanoseconds), the epoch, before it, past 2038, 2100, an odd fraction. */
const mtime = fc.constantFrom(
  undefined,
  undefined,
  0,
  -315_619_200.5,
  1e9 + 0.123456,
  2 ** 31 + 1,
  4_102_444_800.654321,
)

/** Without root, what its owner cannot read is skipped by design and so not part of the round trip. */
const fileMode = fc.constantFrom(0o644, 0o600, 0o755, 0o444, 0o777, 0o400, ...(ROOT ? [0o000, 0o200] : []))
const directoryMode = fc.constantFrom(0o755, 0o700, 0o1777, 0o500, 0o555, ...(ROOT ? [0o000] : []))

const file = fc.record({
  type: fc.constant('file' as const),
  size,
  seed: fc.nat(3),
  sparse: fc.boolean(),
  mode: fileMode,
  mtime,
})
const symlink = fc.record({
  type: fc.constant('symlink' as const),
  target: fc.constantFrom(
    '.',
    '..',
    'a',
    'nowhere',
    '/etc/passwd',
    '../../..',
    'loop',
    bytes('caf\u00e9'),
    'new\nline',
  ),
  mtime,
})
const hardlink = fc.record({ type: fc.constant('hardlink' as const), to: fc.nat(20) })

const uniquely = (node: fc.Arbitrary<TreeNode>, maxLength: number): fc.Arbitrary<Tree> =>
  fc.uniqueArray(fc.tuple(name, node), { maxLength, selector: ([n]) => n })

const leaf = fc.oneof({ weight: 5, arbitrary: file }, symlink, hardlink)
const directory = (children: fc.Arbitrary<Tree>) =>
  fc.record({ type: fc.constant('directory' as const), children, mode: directoryMode, mtime })
const level3 = fc.oneof({ weight: 3, arbitrary: leaf }, directory(uniquely(leaf, 2)))
const level2 = fc.oneof({ weight: 3, arbitrary: leaf }, directory(uniquely(level3, 3)))

/** Small trees of up to four levels, dense in what is hard to keep. */
export const tree: fc.Arbitrary<Tree> = uniquely(fc.oneof(level2, directory(uniquely(level2, 4))), 8)

/** Puts a tree on disk below an existing directory. */
export function build(dir: string, of: Tree): void {
  const files: Buffer[] = []
  const finish: (() => void)[] = []
  const place = (parent: Buffer, children: Tree) => {
    for (const [childName, node] of children) {
      const at = Buffer.concat([parent, Buffer.from(`/${childName}`, 'latin1')])
      const target = node.type === 'hardlink' ? files[node.to % Math.max(files.length, 1)] : undefined
      if (target) linkSync(target, at)
      else if (node.type === 'hardlink') writeFileSync(at, '')
      else if (node.type === 'symlink') symlinkSync(Buffer.from(node.target, 'latin1'), at)
      else if (node.type === 'file') files.push(writeContent(at, node))
      else {
        mkdirSync(at)
        place(at, node.children)
      }
      // Modes and times last, children before parents: everything above changes them.
      finish.push(() => {
        if ('mode' in node) chmodSync(at, node.mode)
        if ('mtime' in node && node.mtime !== undefined) lutimesSync(at, node.mtime, node.mtime)
      })
    }
  }
  place(Buffer.from(dir), of)
  for (const step of finish) step()
}

function writeContent(at: Buffer, node: { size: number; seed: number; sparse: boolean }): Buffer {
  if (!node.sparse) writeFileSync(at, content(node.size, node.seed))
  else {
    const fd = openSync(at, 'wx')
    ftruncateSync(fd, node.size)
    if (node.size > 10) writeSync(fd, 'end', node.size - 3)
    closeSync(fd)
  }
  return at
}

/** Bytes that look random, the same for the same seed. */
export function content(length: number, seed: number): Buffer {
  const key = Buffer.alloc(16)
  key.writeUInt32LE(seed)
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(length))
}
