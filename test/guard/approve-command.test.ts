import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { approveCommand } from '../../src/guard/approve-command.ts'

const USUAL = {
  start: ['/usr/bin/node', '/opt/cli.js'],
  home: '/home/ann/.local/share/snapshot-mcp',
  stateDirectory: '/home/ann/.local/share/snapshot-mcp/state',
  userHome: '/home/ann',
}

test('names this program, and nothing that goes without saying', () => {
  expect(approveCommand(USUAL)('ABCD-EFGH')).toBe('/usr/bin/node /opt/cli.js approve ABCD-EFGH')
})

test('names the home and the state where they are not the usual ones', () => {
  const home = approveCommand({ ...USUAL, home: '/srv/s', stateDirectory: '/srv/s/state' })
  expect(home('AB')).toBe('/usr/bin/node /opt/cli.js approve AB --home /srv/s')
  const state = approveCommand({ ...USUAL, stateDirectory: '/srv/state' })
  expect(state('AB')).toBe('/usr/bin/node /opt/cli.js approve AB --state file:/srv/state')
})

test.skipIf(process.platform === 'win32')('is read by a shell as the words that are meant', () => {
  const home = "/a b/it's $HOME`;"
  const script = 'process.stdout.write(JSON.stringify(process.argv.slice(1)))'
  const command = approveCommand({ ...USUAL, start: [process.execPath, '-e', script, '--'], home })
  const words = JSON.parse(execFileSync('/bin/sh', ['-c', command('AB')], { encoding: 'utf8' }))
  expect(words).toEqual(['approve', 'AB', '--home', home, '--state', `file:${USUAL.stateDirectory}`])
})
