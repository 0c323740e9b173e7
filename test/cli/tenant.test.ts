import { execFile } from 'node:child_process'
import { mkdirSync, realpathSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createApp } from '../../src/app.ts'
import { configOfTenant } from '../../src/config/tenant.ts'
import { loadConfig } from '../../src/config.ts'
import { temporaryDirectory } from '../snapshots/world.ts'
import { PROJECT } from '../support/server.ts'

const TSX = createRequire(import.meta.url).resolve('tsx')

/** A server with one tenant, and its operator at a terminal. */
function office() {
  const base = realpathSync(temporaryDirectory())
  for (const name of ['own', 'acme']) mkdirSync(join(base, name))
  const access = join(base, 'access.json')
  const tokens = [{ sha256: 'a'.repeat(64), principal: 'ann', tenant: 'acme', scopes: [] }]
  const tenants = { acme: { roots: [join(base, 'acme')] } }
  writeFileSync(access, JSON.stringify({ tenants, tokens }), { mode: 0o600 })
  const around = { env: {}, cwd: join(base, 'own'), userHome: join(base, 'nobody') }
  const home = join(base, 'home')
  const run = (...args: string[]) =>
    new Promise<{ status: number; stdout: string; stderr: string }>((resolve) =>
      execFile(
        process.execPath,
        ['--import', TSX, join(PROJECT, 'src/cli.ts'), ...args, '--home', home],
        { cwd: around.cwd, env: { PATH: process.env.PATH ?? '', HOME: around.userHome } },
        (error, stdout, stderr) => resolve({ status: error ? Number(error.code) : 0, stdout, stderr }),
      ).stdin?.end(),
    )
  return { access, run, config: loadConfig({ home, access }, around), around }
}

test('--tenant shows the records of that tenant, and no others', async () => {
  const { access, run, config, around } = office()
  const about = { event: 'ended', principal: 'token:ann', outcome: 'done' } as const
  await (await createApp(configOfTenant(config, 'acme', around)).audit()).append({
    ...about,
    operation: 'op_1',
  })
  await (await createApp(config).audit()).append({ ...about, operation: 'op_2' })
  const shown = async (...args: string[]) => (await run('audit', '--access', access, ...args)).stdout
  const [own, acme] = await Promise.all([shown(), shown('--tenant', 'acme')])
  expect([acme.includes('op_1'), acme.includes('op_2')]).toEqual([true, false])
  expect([own.includes('op_1'), own.includes('op_2')]).toEqual([false, true])
})

test('--tenant is refused where it would mean nothing', async () => {
  const { access, run } = office()
  const cases = [
    [['serve', '--tenant', 'acme', '--access', access], '--tenant does not belong to serve'],
    [['tools', '--tenant', 'acme', '--access', access], '--tenant does not belong to tools'],
    [['token', '--tenant', 'acme'], '--tenant does not belong to token'],
    [['audit', '--tenant', 'acme'], '--tenant says nothing without the file'],
    [['audit', '--tenant', 'beta', '--access', access], 'There is no tenant "beta"'],
  ] as const
  for (const [args, words] of cases) {
    const { status, stdout, stderr } = await run(...args)
    expect([status, stdout]).toEqual([2, ''])
    expect(stderr).toContain(words)
  }
})
