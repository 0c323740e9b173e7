import {
  appendFileSync,
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { confirmed } from '../support/confirm.ts'
import { differences, picture } from '../support/oracle.ts'
import { roundTrip } from '../support/round-trip.ts'
import { type Sandbox, sandbox } from '../support/sandbox.ts'
import { build, type Tree } from '../support/trees.ts'
import { makeWorkspace } from '../support/workspace.ts'

const SPECIAL = [
  ['suid', 0o4755],
  ['sgid', 0o2755],
  ['both', 0o6711],
] as const

function makeSpecial(box: Sandbox): void {
  for (const [name, mode] of SPECIAL) {
    writeFileSync(join(box.root, name), name)
    chmodSync(join(box.root, name), mode)
  }
  mkdirSync(join(box.root, 'shared'))
  chmodSync(join(box.root, 'shared'), 0o3777)
}

test('setuid and setgid stay off files that a restore writes, and the result says so', async () => {
  const box = sandbox()
  makeSpecial(box)
  const client = await box.open()
  const { snapshot } = await client.call('snapshot_create')
  for (const [name] of SPECIAL) rmSync(join(box.root, name))
  chmodSync(join(box.root, 'shared'), 0o700)
  const restored = await confirmed(client, 'snapshot_restore', { snapshot: snapshot.id })
  const modes = ['suid', 'sgid', 'both', 'shared'].map(
    (name) => lstatSync(join(box.root, name)).mode & 0o7777,
  )
  expect(modes).toEqual([0o755, 0o755, 0o711, 0o3777])
  expect(restored.warnings?.join()).toMatch(/setuid/)
})

test('an operator whose policy keeps them gets setuid and setgid back', async () => {
  const box = sandbox()
  makeSpecial(box)
  const policy = join(box.dir, 'policy.json')
  writeFileSync(policy, JSON.stringify({ special_modes: 'keep' }))
  const client = await box.open('SDK v2', { args: ['--policy', policy] })
  const before = picture(box.root)
  const { snapshot } = await client.call('snapshot_create')
  for (const [name] of SPECIAL) rmSync(join(box.root, name))
  await confirmed(client, 'snapshot_restore', { snapshot: snapshot.id })
  expect(differences(before, picture(box.root))).toEqual([])
})

test('a path means that path: `a` does not touch `ab`', async () => {
  const box = sandbox()
  for (const path of ['a', 'a.b', 'ab']) mkdirSync(join(box.root, path))
  for (const path of ['a/x', 'a.b/x', 'ab/x']) writeFileSync(join(box.root, path), 'saved')
  const client = await box.open()
  const { snapshot } = await client.call('snapshot_create')
  for (const path of ['a/x', 'a.b/x', 'ab/x']) writeFileSync(join(box.root, path), 'changed')
  await confirmed(client, 'snapshot_restore', { snapshot: snapshot.id, paths: ['a'] })
  const now = (path: string) => readFileSync(join(box.root, path), 'utf8')
  expect([now('a/x'), now('a.b/x'), now('ab/x')]).toEqual(['saved', 'changed', 'changed'])
})

test('a restore does not write through a hard link or a symlink to what lies outside', async () => {
  const box = sandbox()
  makeWorkspace(box.root)
  const outside = join(box.dir, 'outside')
  mkdirSync(outside)
  for (const name of ['file', 'lib.js']) writeFileSync(join(outside, name), 'not yours')
  const before = picture(outside)

  await roundTrip(box, () => {
    rmSync(join(box.root, 'src/index.js'))
    linkSync(join(outside, 'file'), join(box.root, 'src/index.js'))
    rmSync(join(box.root, 'src/lib'), { recursive: true })
    symlinkSync(outside, join(box.root, 'src/lib'))
    rmSync(join(box.root, 'README.md'))
    symlinkSync(join(outside, 'lib.js'), join(box.root, 'README.md'))
  })
  const names = (list: typeof before) => [...list].map(([path, { sha256, type }]) => [path, type, sha256])
  expect(names(picture(outside))).toEqual(names(before))
})

test('anything may have become anything else', async () => {
  const box = sandbox()
  const kinds = {
    file: (at: string) => writeFileSync(at, 'a file'),
    directory: (at: string) => {
      mkdirSync(at)
      writeFileSync(join(at, 'inside'), 'in a directory')
    },
    symlink: (at: string) => symlinkSync('/etc', at),
  }
  type Kind = keyof typeof kinds
  const swaps = (['file', 'directory', 'symlink'] as const).flatMap((was) =>
    (['file', 'directory', 'symlink'] as const).map((is): [Kind, Kind] => [was, is]),
  )
  for (const [was, is] of swaps) kinds[was](join(box.root, `${was}-to-${is}`))
  await roundTrip(box, () => {
    for (const [was, is] of swaps) {
      const at = join(box.root, `${was}-to-${is}`)
      rmSync(at, { recursive: true })
      kinds[is](at)
    }
  })
})

test('what one of two names has changed is put right once for both', async () => {
  const box = sandbox()
  writeFileSync(join(box.root, 'one'), 'two names')
  linkSync(join(box.root, 'one'), join(box.root, 'two'))
  await roundTrip(box, () => chmodSync(join(box.root, 'two'), 0o600))
  await roundTrip(box, () => writeFileSync(join(box.root, 'one'), 'changed under both names'))
  await roundTrip(box, () => {
    rmSync(join(box.root, 'one'))
    writeFileSync(join(box.root, 'one'), 'on its own now')
  })
})

test('hard links stay links to each other, sparse files stay right, and large files are exact at chunk edges', async () => {
  const box = sandbox()
  const meta = { mode: 0o640, mtime: 1_500_000_000.25, seed: 7 }
  const sizes = [0, 1, 262_143, 262_144, 262_145, 1_048_575, 1_048_576, 1_048_577, 3_000_000]
  const tree: Tree = sizes.flatMap(
    (size): Tree => [
      [`dense-${size}`, { type: 'file', size, sparse: false, ...meta }],
      [`sparse-${size}`, { type: 'file', size, sparse: true, ...meta }],
    ],
  )
  build(box.root, [
    ...tree,
    ['link-1', { type: 'hardlink', to: 16 }],
    ['link-2', { type: 'hardlink', to: 16 }],
  ])
  await roundTrip(box, () => {
    for (const size of sizes.slice(1)) appendFileSync(join(box.root, `dense-${size}`), 'tail')
    rmSync(join(box.root, 'link-2'))
    rmSync(join(box.root, 'sparse-3000000'))
  })
  expect(lstatSync(join(box.root, 'link-1')).nlink).toBe(3)
})
