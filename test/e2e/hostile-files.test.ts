import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { expect, onTestFinished, test } from 'vitest'
import { confirmed } from '../support/confirm.ts'
import { differences, picture } from '../support/oracle.ts'
import { roundTrip } from '../support/round-trip.ts'
import { type Sandbox, sandbox } from '../support/sandbox.ts'
import { AWKWARD_NAMES, build, type Tree } from '../support/trees.ts'
import { makeWorkspace } from '../support/workspace.ts'

const ROOT = process.getuid?.() === 0
const NOBODY = 65534

test('FIFOs, sockets and devices are never opened: skipped, listed, and left alone by a restore', async () => {
  const box = sandbox()
  makeWorkspace(box.root)
  execFileSync('mkfifo', [join(box.root, 'data/pipe')])
  const listener = createServer().listen(join(box.root, 'data/socket'))
  onTestFinished(() => void listener.close())
  await new Promise((resolve) => listener.once('listening', resolve))

  const receipt = await roundTrip(box, () => rmSync(join(box.root, 'README.md')))
  expect(
    receipt.skipped.map(({ reason, count, samples }) => [reason, count, samples[0]?.path]).sort(),
  ).toEqual([
    ['fifo', 1, 'data/pipe'],
    ['socket', 1, 'data/socket'],
  ])
})

test('what was excluded is listed, not captured, and survives a restore', async () => {
  const box = sandbox()
  makeWorkspace(box.root)
  mkdirSync(join(box.root, 'node_modules/dep'), { recursive: true })
  writeFileSync(join(box.root, 'node_modules/dep/index.js'), 'dependency')
  const client = await box.open()
  const { snapshot, receipt } = await client.call('snapshot_create', {
    local: { exclude: ['node_modules/'] },
  })
  expect(receipt!.skipped).toMatchObject([{ reason: 'excluded', samples: [{ path: 'node_modules' }] }])

  writeFileSync(join(box.root, 'node_modules/dep/index.js'), 'a newer dependency')
  rmSync(join(box.root, 'src'), { recursive: true })
  await confirmed(client, 'snapshot_restore', { snapshot: snapshot.id })
  expect(readFileSync(join(box.root, 'node_modules/dep/index.js'), 'utf8')).toBe('a newer dependency')
  expect(existsSync(join(box.root, 'src/index.js'))).toBe(true)
})

test.skipIf(!ROOT)(
  '(needs root) files and directories the server may not read are skipped and stay',
  async () => {
    const box = sandbox()
    makeWorkspace(box.root)
    mkdirSync(join(box.root, 'locked'))
    writeFileSync(join(box.root, 'locked/inside'), 'out of reach')
    mkdirSync(join(box.root, 'sealed/deep'), { recursive: true })
    writeFileSync(join(box.root, 'sealed/deep/file'), 'read-only directory')
    const client = await asNobody(box)
    for (const path of ['locked', 'locked/inside', '.env']) chownSync(join(box.root, path), 0, 0)
    chmodSync(join(box.root, 'locked'), 0o700)
    chmodSync(join(box.root, 'sealed/deep'), 0o555)

    const before = picture(box.root)
    const { snapshot, receipt } = await client.call('snapshot_create')
    expect(receipt!.skipped).toMatchObject([{ reason: 'unreadable', count: 2 }])
    chmodSync(join(box.root, 'sealed/deep'), 0o755)
    rmSync(join(box.root, 'sealed'), { recursive: true })
    rmSync(join(box.root, 'README.md'))
    await confirmed(client, 'snapshot_restore', { snapshot: snapshot.id })
    expect(differences(before, picture(box.root))).toEqual([])
  },
)

/** A client of a server that runs without privileges, on a sandbox handed over to it. */
async function asNobody(box: Sandbox) {
  chmodSync(box.dir, 0o711)
  mkdirSync(box.home)
  execFileSync('chown', ['-R', `${NOBODY}:${NOBODY}`, box.root, box.home])
  return box.open('SDK v2', { uid: NOBODY })
}

test('a file that somebody keeps writing is captured, and named in the receipt', async () => {
  const box = sandbox()
  makeWorkspace(box.root)
  const busy = join(box.root, 'busy.log')
  // Large enough that every reading of it meets a write, however the two are scheduled.
  writeFileSync(busy, '')
  truncateSync(busy, 200_000_000)
  const script = `const fs = require('node:fs'); const fd = fs.openSync(${JSON.stringify(busy)}, 'r+')
    for (let n = 0; ; n++) fs.writeSync(fd, 'line ' + n + '\\n', n % 3000000)`
  const before = lstatSync(busy).mtimeMs
  const writer = new Worker(script, { eval: true })
  await expect.poll(() => lstatSync(busy).mtimeMs).toBeGreaterThan(before)
  const client = await box.open()
  const { receipt } = await client.call('snapshot_create')
  await writer.terminate()
  expect(receipt!.changed_during_read).toEqual([{ path: 'busy.log' }])
})

test('every awkward name comes back byte for byte, and can be asked for by its bytes', async () => {
  const box = sandbox()
  const meta = { mode: 0o644, mtime: undefined, seed: 1, sparse: false }
  const tree: Tree = AWKWARD_NAMES.map((name, size) => [name, { type: 'file', size, ...meta }])
  build(box.root, tree)
  const all = picture(box.root)
  await roundTrip(box, () => {
    for (const name of all.keys()) if (name) rmSync(Buffer.from(`${box.root}/${name}`, 'latin1'))
  })

  const client = await box.open()
  const { snapshot } = await client.call('snapshot_create')
  const odd = Buffer.from('\xff\xfe', 'latin1')
  if (!all.has('\xff\xfe')) return
  appendFileSync(Buffer.concat([Buffer.from(`${box.root}/`), odd]), 'changed')
  const bytes = odd.toString('base64')
  const { changes } = await client.call('snapshot_diff', { from: snapshot.id, paths: [{ bytes }] })
  expect(changes).toMatchObject([{ kind: 'modified', bytes }])
  await confirmed(client, 'snapshot_restore', { snapshot: snapshot.id, paths: [{ bytes }] })
  expect(differences(all, picture(box.root), { except: (path) => path === '' })).toEqual([])
})

test.skipIf(!existsSync('/proc/self/fd'))('(Linux) paths longer than PATH_MAX', async () => {
  const box = sandbox()
  const bottom = deepFile(box.root, 20)
  const client = await box.open()
  const before = picture(box.root)
  expect(bottom).toBeGreaterThan(4096)
  const { snapshot, receipt } = await client.call('snapshot_create')
  expect(receipt).toMatchObject({ files: 1, directories: 21, skipped: [] })
  execFileSync('rm', ['-r', join(box.root, 'd'.repeat(250))])
  await confirmed(client, 'snapshot_restore', { snapshot: snapshot.id })
  expect(differences(before, picture(box.root))).toEqual([])
})

/** Builds a chain of directories by descriptor, since no path reaches the end. Returns the length of its path. */
function deepFile(root: string, levels: number): number {
  const flags = constants.O_RDONLY | constants.O_DIRECTORY
  let at = openSync(root, flags)
  for (let level = 0; level < levels; level++) {
    const child = `/proc/self/fd/${at}/${'d'.repeat(250)}`
    mkdirSync(child)
    const next = openSync(child, flags)
    closeSync(at)
    at = next
  }
  writeFileSync(`/proc/self/fd/${at}/bottom.txt`, 'down here')
  closeSync(at)
  return root.length + levels * 251 + '/bottom.txt'.length
}

test('a directory of 5,000 entries', async () => {
  const box = sandbox()
  mkdirSync(join(box.root, 'huge'))
  for (let n = 0; n < 5000; n++) writeFileSync(join(box.root, 'huge', `entry-${n}`), `${n}`)
  const receipt = await roundTrip(box, () => {
    for (let n = 0; n < 5000; n += 100) rmSync(join(box.root, 'huge', `entry-${n}`))
    writeFileSync(join(box.root, 'huge/entry-1'), 'changed')
  })
  expect(receipt.files).toBe(5000)
})
