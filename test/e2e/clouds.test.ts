import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Snapshot } from '../../src/snapshots/model.ts'
import { createDaytona, type DaytonaOptions } from '../emulators/daytona.ts'
import { createDigitalOcean, type DigitalOceanOptions } from '../emulators/digitalocean.ts'
import { createMorph, type MorphOptions } from '../emulators/morph.ts'
import { type Answer, CLIENTS, type TestClient } from '../support/clients.ts'
import { problem } from '../support/confirm.ts'
import { sandbox } from '../support/sandbox.ts'

interface Pace {
  morph?: MorphOptions
  daytona?: DaytonaOptions
  digitalocean?: DigitalOceanOptions
}

/** The three vendors on loopback, and a server process that knows their keys. */
async function clouds(pace: Pace = {}) {
  const [morph, daytona, digitalocean] = await Promise.all([
    createMorph({ pollsToComplete: 0, ...pace.morph }),
    createDaytona({ pollsToComplete: 0, ...pace.daytona }),
    createDigitalOcean({ pollsToComplete: 0, ...pace.digitalocean }),
  ])
  onTestFinished(
    async () => void (await Promise.all([morph, daytona, digitalocean].map((each) => each.close()))),
  )
  const env = {
    MORPH_API_KEY: morph.key,
    MORPH_BASE_URL: `${morph.url}/api`,
    DAYTONA_API_KEY: daytona.key,
    DAYTONA_API_URL: daytona.apiUrl,
    DIGITALOCEAN_TOKEN: digitalocean.token,
    DIGITALOCEAN_API_URL: digitalocean.url,
  }
  return { morph, daytona, digitalocean, env, box: sandbox() }
}

/** Types what the question asks for, as a person does who agrees. */
function agree(message: string, schema: Record<string, unknown>): Answer {
  const fields = Object.entries((schema.properties ?? {}) as Record<string, { type: string }>)
  const [, length, id] = /the last (\d+) characters of (\S+?)\.?$/.exec(message) ?? []
  const typed = id?.slice(-Number(length)) ?? ''
  return {
    action: 'accept',
    content: Object.fromEntries(fields.map(([name, { type }]) => [name, type === 'boolean' ? true : typed])),
  }
}

/** Asks until the work is over. */
async function settled(client: TestClient, id: string) {
  for (;;) {
    const reply = await client.call('snapshot_get', { snapshot: id, wait_seconds: 50 })
    if (reply.snapshot.state !== 'creating') return reply
  }
}

async function save(client: TestClient, source: string, fields: object = {}): Promise<Snapshot> {
  const { status, snapshot } = await client.call('snapshot_create', { source, wait_seconds: 50, ...fields })
  return status === 'done' ? snapshot : (await settled(client, snapshot.id)).snapshot
}

describe.each(CLIENTS)('the clouds behind the %s client', (kind) => {
  test('are captured, listed together, restored as something new, and deleted when a person agrees', async () => {
    const { morph, daytona, digitalocean, env, box } = await clouds()
    const client = await box.open(kind, { env, person: agree })
    const { providers } = await client.call('snapshot_status')
    expect(providers.map(({ name, healthy }) => [name, healthy])).toEqual([
      ['local', true],
      ['morph', true],
      ['daytona', true],
      ['digitalocean', true],
    ])
    const { items: sources } = await client.call('snapshot_sources', { limit: 100 })
    expect(sources.map(({ source }) => source)).toEqual(
      expect.arrayContaining([
        `path:${box.root}`,
        `instance:${morph.instance.id}`,
        `sandbox:${daytona.sandbox.id}`,
        `droplet:${digitalocean.droplet.id}`,
        `volume:${digitalocean.volume.id}`,
      ]),
    )
    // Side by side: each of them mostly waits.
    const saved = await Promise.all([
      save(client, `path:${box.root}`),
      save(client, `instance:${morph.instance.id}`, { labels: { team: 'blue' } }),
      save(client, `sandbox:${daytona.sandbox.id}`, { name: 'devbox-good' }),
      save(client, `droplet:${digitalocean.droplet.id}`, { name: 'before the upgrade' }),
      save(client, `volume:${digitalocean.volume.id}`),
    ])
    expect(saved.map(({ state }) => state)).toEqual(saved.map(() => 'ready'))
    const { items, errors } = await client.call('snapshot_list', { limit: 100 })
    expect(errors).toBeUndefined()
    expect(items.map(({ id }) => id)).toEqual(expect.arrayContaining(saved.map(({ id }) => id)))
    expect(items.map(({ created_at }) => created_at)).toEqual(
      items
        .map(({ created_at }) => created_at)
        .sort()
        .reverse(),
    )

    const copied = saved.slice(1).map(async ({ id }) => {
      const reply = await client.call('snapshot_restore', { snapshot: id, mode: 'new', wait_seconds: 50 })
      const { restore } = reply.pending ? await settled(client, reply.pending) : { restore: reply }
      expect(restore).toMatchObject({ status: 'done', targets: [{ id: expect.any(String) }] })
    })
    await Promise.all(copied)
    expect(morph.cloud.instances.size).toBe(2)

    // The newest of a source stays, whoever agrees.
    const { id } = saved[1]!
    expect((await problem(client, 'snapshot_delete', { snapshots: [id] })).code).toBe('POLICY_DENIED')
    await save(client, `instance:${morph.instance.id}`)
    const deleted = await client.call('snapshot_delete', { snapshots: [id] })
    expect(deleted).toMatchObject({ status: 'done', deleted: [id] })
    expect((await problem(client, 'snapshot_get', { snapshot: id })).code).toBe('NOT_FOUND')
  })
})

test('without a person in the client nothing is deleted until somebody approves it elsewhere', async () => {
  const { morph, env, box } = await clouds()
  const client = await box.open('SDK v2', { env })
  const first = await save(client, `instance:${morph.instance.id}`)
  await save(client, `instance:${morph.instance.id}`)
  const reply = await client.call('snapshot_delete', { snapshots: [first.id] })
  expect(reply).toMatchObject({ status: 'approval_required', plan: { reversible: false } })
  expect((await client.call('snapshot_get', { snapshot: first.id })).snapshot.state).toBe('ready')
})

// In real time: the Droplet goes down, is saved, overwritten and started, and all that twice.
test('a Droplet goes back in place once a person agrees, its state before is kept, and the undo returns it', async () => {
  const { digitalocean, env, box } = await clouds()
  const { droplet } = digitalocean
  const client = await box.open('SDK v2', { env, person: agree })
  const good = await save(client, `droplet:${droplet.id}`, { name: 'good' })
  droplet.content = 'spoilt'
  const reply = await client.call('snapshot_restore', { snapshot: good.id, wait_seconds: 50 })
  const { restore } = reply.pending ? await settled(client, reply.pending) : { restore: reply }
  expect(restore).toMatchObject({ status: 'done', safety_snapshot: expect.stringMatching(/^digitalocean:/) })
  expect(droplet.content).toBe('the first state of web-01')

  const undone = await client.call('snapshot_undo', { operation: restore!.operation! })
  if (undone.pending) await settled(client, undone.pending)
  expect(droplet.content).toBe('spoilt')
}, 120_000)

test('a server that is killed while a cloud works leaves nothing behind that the next one does not find', async () => {
  const { morph, digitalocean, env, box } = await clouds({
    morph: { pollsToComplete: 3 },
    digitalocean: { pollsToComplete: 3 },
  })
  const server = box.server({ env })
  const { connect } = await import('../support/clients.ts')
  const client = await connect('SDK v2', server)
  const sources = [`instance:${morph.instance.id}`, `droplet:${digitalocean.droplet.id}`]
  const begun = await Promise.all(
    sources.map((source) => client.call('snapshot_create', { source, wait_seconds: 0 })),
  )
  await expect.poll(() => morph.cloud.snapshots.size).toBeGreaterThan(0)
  await expect.poll(() => digitalocean.requests.some(({ path }) => path.endsWith('/actions'))).toBe(true)
  await server.kill()

  const next = await box.open('SDK v2', { env })
  for (const { snapshot } of begun) {
    const found = await settled(next, snapshot.id)
    expect(found.snapshot.state).toBe('ready')
  }
  const { items } = await next.call('snapshot_list', { limit: 100 })
  const ours = items.filter(({ provider }) => provider === 'morph' || provider === 'digitalocean')
  expect(ours.map(({ source }) => `${source.kind}:${source.id}`).sort()).toEqual([...sources].sort())
})

test('one cloud that is down hides neither the others nor itself', async () => {
  const { morph, daytona, env, box } = await clouds()
  const client = await box.open('SDK v2', { env })
  const { id } = await save(client, `instance:${morph.instance.id}`)
  await daytona.close()
  const { items, errors } = await client.call('snapshot_list', {}, { timeout: 120_000 })
  expect(items.map((each) => each.id)).toContain(id)
  expect(errors).toMatchObject([{ provider: 'daytona', code: 'NETWORK', retryable: true }])
})

test('the keys are in nothing that the server says or writes', async () => {
  const { morph, daytona, digitalocean, env, box } = await clouds()
  const server = box.server({ env, args: ['--log-level', 'debug'] })
  const { connect } = await import('../support/clients.ts')
  const client = await connect('SDK v2', server)
  for (const { faults } of [morph, daytona, digitalocean])
    faults.push({
      when: () => true,
      at: 'before',
      how: { answer: { status: 500, body: { detail: env.MORPH_API_KEY, message: env.DAYTONA_API_KEY } } },
    })
  await client.call('snapshot_status')
  await save(client, `instance:${morph.instance.id}`)
  await problem(client, 'snapshot_get', { snapshot: 'digitalocean:999' })
  await problem(client, 'snapshot_get', { snapshot: 'daytona:no-such' })
  const said = [...server.stdout, ...server.stderr, ...textsBelow(box.home)].join('\n')
  for (const key of [morph.key, daytona.key, digitalocean.token]) expect(said.includes(key)).toBe(false)
})

function textsBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'))
}
