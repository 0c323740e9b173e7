import { execFileSync, spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { connect, type TestClient, ToolFailure } from '../support/clients.ts'
import { confirmed, plan, problem } from '../support/confirm.ts'
import { differences, type Picture, picture } from '../support/oracle.ts'
import { type Sandbox, sandbox } from '../support/sandbox.ts'
import { content } from '../support/trees.ts'
import { makeWorkspace } from '../support/workspace.ts'

const DAMAGE: Record<string, (path: string) => void> = {
  'bit flipped': (path) => {
    const bytes = readFileSync(path)
    const middle = bytes.length >> 1
    bytes[middle] = bytes[middle]! ^ 1
    writeFileSync(path, bytes)
  },
  truncated: (path) => truncateSync(path, readFileSync(path).length >> 1),
  emptied: (path) => truncateSync(path, 0),
  removed: (path) => rmSync(path),
}

/** All files of the store by name, so that a test can find what one create has added. */
function storeFiles(box: Sandbox, folder: string): string[] {
  return readdirSync(join(box.home, 'store', folder)).map((name) => join(box.home, 'store', folder, name))
}

/** Two snapshots with content of their own; `second` says which store files only the second one brought. */
async function twoSnapshots(box: Sandbox, folder: string) {
  makeWorkspace(box.root)
  const server = box.server()
  const client = await connect('SDK v2', server)
  const take = async () => ({
    id: (await client.call('snapshot_create')).snapshot.id,
    picture: picture(box.root),
  })
  const first = await take()
  const before = new Set(storeFiles(box, folder))
  writeFileSync(join(box.root, 'second.bin'), content(2_000_000, 2))
  const second = await take()
  await server.stop()
  const added = storeFiles(box, folder).filter((path) => !before.has(path))
  return { first, second, added }
}

/** The snapshot restores exactly, or is refused as damaged with nothing written: never something in between. */
async function exactOrCorrupt(client: TestClient, box: Sandbox, saved: { id: string; picture: Picture }) {
  const to = join(box.root, `copy-of-${saved.id.replace(':', '-')}`)
  try {
    await client.call('snapshot_restore', { snapshot: saved.id, mode: 'new', to })
  } catch (error) {
    if (!(error instanceof ToolFailure)) throw error
    expect(existsSync(to)).toBe(false)
    return error.problem
  }
  expect(differences(saved.picture, picture(to))).toEqual([])
  return 'exact'
}

const CASES = ['packs .pack', 'packs .idx', 'snapshots .json', 'details .json', 'cache '].flatMap((what) =>
  Object.keys(DAMAGE).map((how) => [what, how] as const),
)

test.each(CASES)('%s %s: what is affected says so by name, the rest stays usable', async (what, how) => {
  const box = sandbox()
  const [folder, suffix] = what.split(' ') as [string, string]
  const { first, second, added } = await twoSnapshots(box, folder)
  const victims = folder === 'cache' ? storeFiles(box, folder) : added.filter((path) => path.endsWith(suffix))
  expect(victims.length).toBeGreaterThan(0)
  for (const path of victims) DAMAGE[how]!(path)

  const client = await box.open()
  const outcome = await exactOrCorrupt(client, box, second)
  if (folder === 'packs' && suffix === '.pack')
    expect(outcome).toMatchObject({ code: 'CORRUPT', outcome: 'not_started' })
  if (folder === 'snapshots')
    expect(outcome).toMatchObject({
      code: how === 'removed' ? 'NOT_FOUND' : 'CORRUPT',
      outcome: 'not_started',
    })
  if (folder === 'details' || folder === 'cache') expect(outcome).toBe('exact')
  if (outcome !== 'exact') {
    // By the snapshot, or by the file that cannot be had any more.
    expect(
      [second.id, 'second.bin'].some((name) => outcome.message.includes(name)),
      outcome.message,
    ).toBe(true)
    rmSync(join(box.root, 'second.bin'))
    const now = picture(box.root)
    const inPlace = confirmed(client, 'snapshot_restore', { snapshot: second.id })
    await expect(inPlace).rejects.toBeInstanceOf(ToolFailure)
    expect(differences(now, picture(box.root))).toEqual([])
  }

  expect(await exactOrCorrupt(client, box, first)).toBe('exact')
  // What is saved from now on does not build on what is damaged.
  writeFileSync(join(box.root, 'second.bin'), content(2_000_000, 2))
  const third = { id: (await client.call('snapshot_create')).snapshot.id, picture: picture(box.root) }
  await confirmed(client, 'snapshot_restore', { snapshot: first.id })
  expect(differences(first.picture, picture(box.root))).toEqual([])
  await confirmed(client, 'snapshot_restore', { snapshot: third.id })
  expect(differences(third.picture, picture(box.root))).toEqual([])
})

const canMount = process.getuid?.() === 0 && process.platform === 'linux' && mountWorks()

function mountWorks(): boolean {
  const unshared = spawnSync('sh', [
    '-c',
    'd=$(mktemp -d) && mount -t tmpfs -o size=1m none "$d" && umount "$d" && rmdir "$d"',
  ])
  return unshared.status === 0
}

/** Puts the home of the sandbox on a small file system of its own. */
function smallHome(box: Sandbox, megabytes: number): void {
  mkdirSync(box.home)
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'none', box.home])
  onTestFinished(() => void execFileSync('umount', [box.home]))
}

test.skipIf(!canMount)('(needs root and mount) a full disk: refused before anything is touched', async () => {
  const box = sandbox()
  makeWorkspace(box.root)
  smallHome(box, 100)
  const client = await box.open()
  const { snapshot } = await client.call('snapshot_create')
  const good = picture(box.root)
  rmSync(join(box.root, 'src'), { recursive: true })
  const confirmation = await plan(client, 'snapshot_restore', { snapshot: snapshot.id })
  const broken = picture(box.root)

  const filler = join(box.home, 'filler')
  spawnSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=64k'])
  expect(await problem(client, 'snapshot_create', {})).toMatchObject({
    code: 'NO_SPACE',
    outcome: 'not_started',
  })
  const refused = await problem(client, 'snapshot_restore', { snapshot: snapshot.id, confirmation })
  expect(['SAFETY_SNAPSHOT_FAILED', 'NO_SPACE']).toContain(refused.code)
  expect(refused.outcome).toBe('not_started')
  expect(differences(broken, picture(box.root))).toEqual([])
  expect((await client.call('snapshot_get', { snapshot: snapshot.id })).snapshot.state).toBe('ready')

  rmSync(filler)
  await confirmed(client, 'snapshot_restore', { snapshot: snapshot.id })
  expect(differences(good, picture(box.root))).toEqual([])
})

test.skipIf(!canMount)(
  '(needs root and mount) a disk that fills up during a create: nothing half made stays',
  async () => {
    const box = sandbox()
    makeWorkspace(box.root)
    smallHome(box, 100)
    const client = await box.open()
    const { snapshot } = await client.call('snapshot_create')
    for (let n = 0; n < 20; n++) writeFileSync(join(box.root, `big-${n}.bin`), content(8_000_000, n))
    expect(await problem(client, 'snapshot_create', {})).toMatchObject({
      code: 'NO_SPACE',
      outcome: 'not_started',
    })
    expect((await client.call('snapshot_list')).items.map(({ id }) => id)).toEqual([snapshot.id])
    for (let n = 0; n < 20; n++) rmSync(join(box.root, `big-${n}.bin`))
    expect((await client.call('snapshot_create')).status).toBe('done')
  },
)

test.skipIf(!canMount)(
  '(needs root and mount) a store that cannot be written: reading works, writing is refused',
  async () => {
    const box = sandbox()
    makeWorkspace(box.root)
    smallHome(box, 100)
    const { snapshot } = await (await box.open()).call('snapshot_create')
    rmSync(join(box.root, 'src'), { recursive: true })
    const broken = picture(box.root)
    execFileSync('mount', ['-o', 'remount,ro', box.home])
    onTestFinished(() => void execFileSync('mount', ['-o', 'remount,rw', box.home]))

    const client = await box.open()
    expect((await problem(client, 'snapshot_create', {})).outcome).toBe('not_started')
    await expect(client.call('snapshot_restore', { snapshot: snapshot.id })).rejects.toBeInstanceOf(
      ToolFailure,
    )
    expect(differences(broken, picture(box.root))).toEqual([])
  },
)
