import { chmodSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startServer } from '../../support/server.ts'
import { writeAccess } from './access.ts'
import { httpWorld } from './world.ts'

const world = httpWorld()
const root = world.directory('root')
const inRoot = world.directory('inside')
const { path: access } = writeAccess(world.dir, { somebody: {} })
const open = join(world.dir, 'open.json')
writeFileSync(open, '{}')
chmodSync(open, 0o666)
const reachable = writeAccess(inRoot, { somebody: {} }).path
const overlapping = writeAccess(
  world.directory('overlapping'),
  { somebody: { tenant: 'one' } },
  { one: { roots: [inRoot] }, two: { roots: [inRoot] } },
).path

/** Everything that a server says that does not start, and its exit status. */
async function refusal(args: string[], roots = [root]) {
  const server = startServer(world.options({ roots, args: ['--http', ...args] }))
  onTestFinished(() => server.kill())
  const { code } = await server.exit
  return { code, said: server.stderr.join('\n'), stdout: server.stdout }
}

describe('a server is not started', () => {
  test.each([
    [
      'where others could reach it and nobody says who may',
      ['--host', '0.0.0.0'],
      'nothing says who may call',
    ],
    ['on another address without an access file', ['--host', '192.0.2.1'], 'nothing says who may call'],
    [
      'for others to call, without an access file',
      ['--public-url', 'https://a.example'],
      'nothing says who may',
    ],
    ['on all addresses without a name', ['--host', '0.0.0.0', '--access', access], '--public-url'],
    ['on all addresses of IPv6 without a name', ['--host', '::', '--access', access], '--public-url'],
    [
      'on an address that is not its own',
      ['--host', '192.0.2.1', '--port', '0', '--access', access],
      'EADDRNOTAVAIL',
    ],
    ['with an access file that is not there', ['--access', `${access}.not`], 'access file'],
    ['with an access file that everybody can write', ['--access', open], 'access file'],
    ['where two tenants would have the same directory', ['--access', overlapping], 'overlaps'],
    [
      'with a way to serve old clients that there is not',
      ['--legacy', 'maybe'],
      'sessions, stateless or reject',
    ],
    ['with a port that is none', ['--port', '70000'], 'port'],
    ['with a state that is none', ['--state', 'postgres://127.0.0.1'], 'not supported'],
  ])('%s', async (_, args, word) => {
    const { code, said, stdout } = await refusal(args)
    expect(said).toContain(word)
    expect(code).toBe(2)
    expect(stdout).toEqual([])
    // A sentence and what to do, no trace of the code.
    expect(said).not.toMatch(/\n {4}at /)
  })

  test('with an access file that a root holds', async () => {
    const { code, said } = await refusal(['--access', reachable], [inRoot])
    expect(code).toBe(2)
    expect(said).toContain('access file')
  })

  test('on a port that is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void other.close())
    await new Promise((resolve) => other.once('listening', resolve))
    const { port } = other.address() as { port: number }
    const { code, said } = await refusal(['--port', String(port)])
    expect(code).toBe(2)
    expect(said).toContain(`port ${port}: EADDRINUSE`)
  })
})
