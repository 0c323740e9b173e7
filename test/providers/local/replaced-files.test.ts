import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { forge } from './forge.ts'
import { endure, isStillGood, type Siege, siege } from './siege.ts'
import { storeFiles } from './store-files.ts'

describe('a file of the store that is something else', () => {
  const kinds: [string, (path: string, at: Siege) => void][] = [
    ['a pipe', (path) => void execFileSync('mkfifo', [path])],
    ['a directory', (path) => mkdirSync(path)],
    ['a link to a file elsewhere', (path, { box }) => symlinkSync(join(box.dir, 'outside/secret'), path)],
    ['a link to the file itself', (path) => symlinkSync(`${path}.was`, path)],
    ['a link to nowhere', (path) => symlinkSync('/nowhere', path)],
    ['a link to itself', (path) => symlinkSync(path, path)],
    ['a device', (path) => symlinkSync('/dev/zero', path)],
    [
      'a file of 20 GB that takes no room',
      (path) => {
        writeFileSync(path, '')
        truncateSync(path, 20e9)
      },
    ],
    ['empty', (path) => writeFileSync(path, '')],
  ]
  const files = [
    'packs/*.pack',
    'packs/*.idx',
    'snapshots/*.json',
    'details/*.json',
    'cache/*.scan',
    'store.json',
    'cache/passed.json',
    `leases/shared-${'0'.repeat(24)}`,
    `leases/exclusive-${'0'.repeat(24)}`,
  ]
  const matrix = files.flatMap((file) => kinds.map((kind) => [file, ...kind] as const))

  test.each(matrix)('%s: %s', async (file, _what, replace) => {
    const at = await siege()
    const f = forge(at.box)
    const id = f.snapshot(f.tree([f.file('a', 'x')]))
    const path = find(at, file, id)
    if (existsSync(path)) renameSync(path, `${path}.was`)
    replace(path, at)
    const answers = await endure(at, id)
    expect(answers.list ?? answers.open).toMatch(file === 'store.json' ? /^(UNSUPPORTED|CORRUPT)$/ : /^done$/)
    rmSync(path, { recursive: true, force: true })
    if (file !== 'cache/*.scan') await isStillGoodWith(at, path)
  })

  /** The forged snapshot's own file, or the only one there is. */
  function find({ box }: Siege, file: string, id: string): string {
    const [folder, pattern] = file.split('/') as [string, string | undefined]
    if (!pattern?.startsWith('*')) return join(box.home, 'store', file)
    if (folder === 'snapshots' || folder === 'details') return join(box.home, 'store', folder, `${id}.json`)
    const end = pattern.slice(1)
    const own = storeFiles(box, folder).filter((path) => path.endsWith(end))
    return own.find((path) => path.includes('eeee')) ?? own[0]!
  }

  async function isStillGoodWith(at: Siege, path: string) {
    if (path.endsWith('store.json')) writeFileSync(path, '{"format":1,"encryption":"none"}\n')
    await isStillGood(at)
  }

  test.each(['packs', 'snapshots', 'trash', 'details', 'cache'])(
    'the folder %s, as a link to elsewhere, is not written through',
    async (folder) => {
      const at = await siege()
      const path = join(at.box.home, 'store', folder)
      renameSync(path, `${path}.was`)
      symlinkSync(join(at.box.dir, 'outside'), path)
      const answers = await endure(at, at.good.id)
      expect(answers.open).toBe('CORRUPT')
      rmSync(path)
      renameSync(`${path}.was`, path)
      await isStillGood(at)
    },
  )

  test.each(['packs', 'snapshots', 'details'])(
    'the folder %s, as a file, is said to be damaged',
    async (folder) => {
      const at = await siege()
      const path = join(at.box.home, 'store', folder)
      renameSync(path, `${path}.was`)
      writeFileSync(path, '')
      expect((await endure(at, at.good.id)).open).toBe('CORRUPT')
    },
  )
})

test.each([
  ['nothing', ''],
  ['an empty object', '{}'],
  ['a list', '[]'],
  ['null', 'null'],
  ['text', '"x"'],
  ['no encryption', '{"format":1}'],
  ['a format of later', '{"format":2,"encryption":"none"}'],
  ['a format in text', '{"format":"1","encryption":"none"}'],
  ['an unknown encryption', '{"format":1,"encryption":"rot13"}'],
  ['an encryption without what it needs', '{"format":1,"encryption":"aes-256-gcm"}'],
  ['its end missing', '{"format":1,"encryption":"none"'],
  ['zeros', '\0'.repeat(1000)],
  ['lists in each other', '['.repeat(60_000)],
])('store.json with %s is not taken for ours', async (_what, text) => {
  const at = await siege()
  const path = join(at.box.home, 'store/store.json')
  const ours = readFileSync(path)
  writeFileSync(path, text)
  expect((await endure(at, at.good.id)).open).toMatch(/^(UNSUPPORTED|CORRUPT|FORBIDDEN)$/)
  writeFileSync(path, ours)
  await isStillGood(at)
})
