import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { bundleInto } from '../support/bundle.ts'
import { code, problem } from '../support/confirm.ts'
import { differences, picture } from '../support/oracle.ts'
import { sandbox } from '../support/sandbox.ts'
import { startServer } from '../support/server.ts'
import { makeWorkspace } from '../support/workspace.ts'

test('only what lies below an allowed root can be captured or written to', async () => {
  const box = sandbox()
  makeWorkspace(box.root)
  for (const dir of ['root-evil', 'elsewhere']) mkdirSync(join(box.dir, dir))
  symlinkSync(join(box.dir, 'elsewhere'), join(box.root, 'way-out'))
  mkdirSync(join(box.dir, 'elsewhere/inner'))
  const client = await box.open()
  const before = picture(box.dir)
  const { snapshot } = await client.call('snapshot_create')

  const outside = [
    ...['/', '/etc', box.dir, box.home, `${box.root}-evil`, `${box.root}/../elsewhere`, `${box.root}/..`],
    ...[`${box.root}/way-out`, `${box.root}/way-out/inner`, `${box.root}/src/../../elsewhere`],
  ]
  for (const path of outside) {
    expect([path, await code(client, 'snapshot_create', { source: `path:${path}` })]).toEqual([
      path,
      'POLICY_DENIED',
    ])
    const to = `${path}/copy`.replace('//', '/')
    const restore = { snapshot: snapshot.id, mode: 'new', to }
    expect([to, await code(client, 'snapshot_restore', restore)]).toEqual([to, 'POLICY_DENIED'])
  }
  const onto = { snapshot: snapshot.id, mode: 'new', to: `${box.root}/README.md` }
  expect(await code(client, 'snapshot_restore', onto)).toBe('ALREADY_EXISTS')
  const home = (path: string) => path === '' || path === 'home' || path.startsWith('home/')
  expect(differences(before, picture(box.dir), { except: home })).toEqual([])
})

test.each(['../outside', '/etc/passwd', 'src/../..', 'a\0b', '.', ''])(
  'the path %j inside a snapshot is refused',
  async (path) => {
    const box = sandbox()
    makeWorkspace(box.root)
    const client = await box.open('line by line')
    const { snapshot } = await client.call('snapshot_create')
    const args = { snapshot: snapshot.id, paths: [path] }
    expect((await problem(client, 'snapshot_restore', args)).code).toBe('INVALID_ARGUMENT')
    expect((await problem(client, 'snapshot_diff', { from: snapshot.id, paths: [path] })).code).toBe(
      'INVALID_ARGUMENT',
    )
  },
)

test('a root that disappears is an error, and fine again when it is back', async () => {
  const box = sandbox()
  makeWorkspace(box.root)
  const client = await box.open()
  const { snapshot } = await client.call('snapshot_create')
  renameSync(box.root, `${box.root}-moved`)
  expect((await problem(client, 'snapshot_create', {})).code).toBe('NOT_FOUND')
  expect((await problem(client, 'snapshot_diff', { from: snapshot.id })).code).toBe('NOT_FOUND')
  writeFileSync(box.root, 'a file now')
  expect(await code(client, 'snapshot_create', {})).not.toBe('ok')
  rmSync(box.root)
  renameSync(`${box.root}-moved`, box.root)
  expect(await code(client, 'snapshot_create', {})).toBe('ok')
})

interface Misstart {
  why: string
  says: string
  flags?: (box: { dir: string; root: string; home: string }) => string[]
  env?: Record<string, string>
}
const at = (says: string, path: (box: { dir: string; root: string; home: string }) => string) => ({
  says,
  flags: (box: { dir: string; root: string; home: string }) => ['--root', path(box)],
})
const MISSTARTS: Misstart[] = [
  { why: 'on the root of the file system', ...at('root of a file system', () => '/') },
  { why: 'on the home directory', ...at('your home directory', ({ home }) => join(home, 'nobody')) },
  { why: 'on a parent of its own store', ...at('home directory', ({ dir }) => dir) },
  { why: 'inside its own store', ...at('overlaps', ({ home }) => join(home, 'store')) },
  { why: 'on a file', ...at('not a directory', ({ root }) => join(root, 'README.md')) },
  { why: 'on a directory that is not there', ...at('does not exist', ({ root }) => join(root, 'nowhere')) },
  { why: 'with an unknown flag', says: "'--allow-everything'", flags: () => ['--allow-everything'] },
  { why: 'with an unknown variable', says: 'SNAPSHOT_MCP_GAURD', env: { SNAPSHOT_MCP_GAURD: 'human' } },
  { why: 'with an unknown guard', says: '--guard', flags: () => ['--guard', 'none'] },
  { why: 'with an unknown provider', says: '"floppy"', flags: () => ['--providers', 'local,floppy'] },
]

test.each(MISSTARTS)('a server does not start $why', async ({ says, flags, env = {} }) => {
  const box = sandbox()
  makeWorkspace(box.root)
  for (const dir of ['nobody', 'store']) mkdirSync(join(box.home, dir), { recursive: true })
  const args = flags?.(box) ?? []
  const server = startServer({ ...box, roots: [box.root], entry: { bundle: bundleInto(box.dir) }, args, env })
  expect((await server.exit).code).toBe(2)
  expect(server.stdout).toEqual([])
  expect(server.stderr.join('\n')).toContain(says)
})
