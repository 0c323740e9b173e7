import { writeFileSync } from 'node:fs'
import type { IncomingHttpHeaders } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createMorph, type Morph } from '../../emulators/morph.ts'
import { HTTP_CLIENTS, type HttpServer } from '../../support/http.ts'
import { writeAccess } from './access.ts'
import { callTool, type Way } from './wire.ts'
import { httpWorld } from './world.ts'

const world = httpWorld()
const TENANTS = ['alpha', 'beta'] as const
type Tenant = (typeof TENANTS)[number]
const clouds = {} as Record<Tenant, Morph>
const sent: Record<Tenant, IncomingHttpHeaders[]> = { alpha: [], beta: [] }
let server: HttpServer
let tokens: Record<'ann' | 'ben', string>

beforeAll(async () => {
  for (const tenant of TENANTS) {
    clouds[tenant] = await createMorph({ pollsToComplete: 0 })
    const note = ({ headers }: { headers: IncomingHttpHeaders }) => sent[tenant].push(headers) === 0
    clouds[tenant].faults.push({ when: note, at: 'before', how: 'reset' })
  }
  const { alpha, beta } = clouds
  // One tenant has its key in a variable of the server, the other one in a file.
  const keyFile = join(world.dir, 'key-of-beta')
  writeFileSync(keyFile, `${beta.key}\n`, { mode: 0o600 })
  const access = writeAccess(
    world.dir,
    { ann: { tenant: 'alpha' }, ben: { tenant: 'beta' } },
    {
      alpha: { credentials: { MORPH_API_KEY: 'env:KEY_OF_ALPHA', MORPH_BASE_URL: 'env:CLOUD_OF_ALPHA' } },
      beta: { credentials: { MORPH_API_KEY: `file:${keyFile}`, MORPH_BASE_URL: 'env:CLOUD_OF_BETA' } },
    },
  )
  tokens = access.tokens
  const env = {
    KEY_OF_ALPHA: alpha.key,
    CLOUD_OF_ALPHA: `${alpha.url}/api`,
    CLOUD_OF_BETA: `${beta.url}/api`,
  }
  server = await world.serve({ roots: [], env, args: ['--access', access.path, '--log-level', 'debug'] })
})
afterAll(async () => void (await Promise.all(TENANTS.map((tenant) => clouds[tenant].close()))))

test('each tenant works with its own account, and its callers send nothing of theirs there', async () => {
  for (const [who, tenant, other] of [
    ['ann', 'alpha', 'beta'],
    ['ben', 'beta', 'alpha'],
  ] as const) {
    const before = sent[other].length
    for (const kind of HTTP_CLIENTS) {
      const client = await world.open(kind, server.url, { token: tokens[who] })
      const { items } = await client.call('snapshot_sources')
      expect(items.map(({ id }) => id)).toContain(clouds[tenant].instance.id)
      const made = await client.call('snapshot_create', {
        source: `instance:${clouds[tenant].instance.id}`,
        wait_seconds: 50,
      })
      expect(made.snapshot.state).toBe('ready')
      const listed = await client.call('snapshot_list')
      expect(listed.items.map(({ id }) => id)).toContain(made.snapshot.id)
    }
    expect(sent[other]).toHaveLength(before)
  }
  for (const tenant of TENANTS) {
    expect(clouds[tenant].cloud.snapshots.size).toBe(2)
    for (const headers of sent[tenant]) {
      expect(headers.authorization).toBe(`Bearer ${clouds[tenant].key}`)
      for (const token of Object.values(tokens)) expect(JSON.stringify(headers)).not.toContain(token)
    }
  }
})

test('what one has in its account is nothing to the other', async () => {
  const way = (who: 'ann' | 'ben'): Way => ({ url: server.url, era: 'modern', token: tokens[who] })
  const { reply: hers } = await callTool(way('ann'), 'snapshot_list')
  const { id } = hers.items[0]
  const before = clouds.alpha.requests.length
  for (const [tool, args] of [
    ['snapshot_get', { snapshot: id }],
    ['snapshot_restore', { snapshot: id, mode: 'new' }],
    ['snapshot_delete', { snapshots: [id] }],
    ['snapshot_create', { source: `instance:${clouds.alpha.instance.id}` }],
  ] as const) {
    const { reply } = await callTool(way('ben'), tool, args)
    expect([tool, reply.code]).toEqual([tool, 'NOT_FOUND'])
  }
  expect(clouds.alpha.requests).toHaveLength(before)
  expect(clouds.alpha.cloud.snapshots.size).toBe(2)
})
