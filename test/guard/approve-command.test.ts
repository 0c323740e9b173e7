import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { approveCommand } from '../../src/guard/approve-command.ts'

const USUAL = {
  start: ['/usr/bin/node', '/opt/cli.js'],
  home: '/home/ann/.local/share/snapshot-mcp',
  stateDirectory: '/home/ann/.local/share/snapshot-mcp/state',
}

test('names this program, the home and the state, also the usual ones: a terminal may have others', () => {
  expect(approveCommand(USUAL)('ABCD-EFGH')).toBe(
    '/usr/bin/node /opt/cli.js approve ABCD-EFGH --home /home/ann/.local/share/snapshot-mcp --state file:/home/ann/.local/share/snapshot-mcp/state',
  )
})

test.skipIf(process.platform === 'win32')('is read by a shell as the words that are meant', () => {
  const home = "/a b/it's $HOME`;"
  const script = 'process.stdout.write(JSON.stringify(process.argv.slice(1)))'
  const command = approveCommand({ ...USUAL, start: [process.execPath, '-e', script, '--'], home })
  const words = JSON.parse(execFileSync('/bin/sh', ['-c', command('AB')], { encoding: 'utf8' }))
  expect(words).toEqual(['approve', 'AB', '--home', home, '--state', `file:${USUAL.stateDirectory}`])
})

test('names the tenant and the file that tells of it, and only where there is one', () => {
  const accessFile = '/etc/snapshot-mcp/access.json'
  expect(approveCommand({ ...USUAL, accessFile })('AB')).toBe(approveCommand(USUAL)('AB'))
  expect(approveCommand({ ...USUAL, tenant: 'acme', accessFile })('AB')).toBe(
    `${approveCommand(USUAL)('AB')} --tenant acme --access ${accessFile}`,
  )
})

test('tells where a shared state is named, and not its address, which may hold a password', () => {
  const { start, home } = USUAL
  expect(approveCommand({ start, home })('AB')).toBe(
    `/usr/bin/node /opt/cli.js approve AB --home ${home} (with SNAPSHOT_MCP_STATE set as for the server)`,
  )
})
