import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { approverKeyPath } from '../../src/http/gate/index.ts'
import { door } from './gate-world.ts'

describe('without an access file', () => {
  test('whoever comes is the user of this machine, at the tools and the metrics', async () => {
    const { ask, come, home } = await door()
    for (const answer of [await ask(), await ask('/metrics'), await come('whatever')])
      expect(answer).toMatchObject({
        status: 200,
        said: {
          principal: 'local:1000',
          place: {},
          scopes: ['snapshots:read', 'snapshots:create', 'snapshots:restore', 'snapshots:delete'],
          uses: ['mcp', 'metrics'],
        },
      })
    expect(existsSync(home)).toBe(false)
  })

  test('nobody approves without the key that lies in the home', async () => {
    const { ask, come, home, gate } = await door()
    const path = approverKeyPath(home)
    const none = await ask('/approve')
    expect(none).toMatchObject({ status: 401, headers: { 'www-authenticate': 'Bearer' } })
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(statSync(home).mode & 0o777).toBe(0o700)
    const key = readFileSync(path, 'utf8').trim()
    expect(Buffer.from(key, 'base64url')).toHaveLength(32)
    for (const wrong of ['x', key.slice(0, -1), `${key}A`, key.toLowerCase()])
      expect((await come(wrong, '/approve')).status).toBe(401)
    expect(await come(key, '/approve')).toMatchObject({
      status: 200,
      said: { principal: 'local:1000', place: {}, uses: ['approve'] },
    })
    expect(await gate.identifyToken(key, 'approve')).toMatchObject({ principal: 'local:1000' })
    await expect(gate.identifyToken('', 'approve')).rejects.toMatchObject({ status: 401 })
  })

  test('many that come at once make one key', async () => {
    const { ask, come, home } = await door()
    await Promise.all(Array.from({ length: 8 }, () => ask('/approve')))
    expect(readdirSync(home)).toEqual(['approver.key'])
    const key = readFileSync(approverKeyPath(home), 'utf8').trim()
    expect((await come(key, '/approve')).status).toBe(200)
    rmSync(approverKeyPath(home))
    expect((await come(key, '/approve')).status).toBe(401)
  })

  test('a key that others can read, or that is none, approves nothing', async () => {
    const { ask, come, home, lines } = await door()
    await ask('/approve')
    const path = approverKeyPath(home)
    const key = readFileSync(path, 'utf8').trim()
    for (const spoil of [() => chmodSync(path, 0o640), () => writeFileSync(path, 'short', { mode: 0o600 })]) {
      spoil()
      const refused = await come(key, '/approve')
      expect(refused.status).toBe(503)
      expect(refused.text).not.toContain(home)
      expect(lines.at(-1)).toContain(path)
      chmodSync(path, 0o600)
    }
    expect((await come('short', '/approve')).status).toBe(503)
    expect((await ask()).status).toBe(200)
    expect(lines.join()).not.toContain(key)
  })
})
