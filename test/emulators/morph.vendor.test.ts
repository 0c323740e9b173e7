import { expect, onTestFinished, test } from 'vitest'
import type { Json } from './morph/support.ts'
import { createMorph, type Morph } from './morph.ts'
import { operationsOf, uncalled } from './operations.ts'
import { type Prism, startPrism } from './prism.ts'
import { withVendor } from './vendor.ts'

const SPEC = 'morph.openapi.json'
/** What it takes to start Prism, in milliseconds at the very most. */
const PATIENCE = 60_000

async function behindPrism(): Promise<{ server: Morph; prism: Prism; call: Call }> {
  const server = await createMorph({ pollsToComplete: 6 })
  onTestFinished(() => server.close())
  const prism = await startPrism(SPEC, server.url)
  onTestFinished(() => prism.stop())
  return { server, prism, call: caller(prism.url, server.key) }
}

/** Plain HTTP, with the status that is expected. */
type Call = (expected: number, method: string, path: string, body?: unknown) => Promise<Json>

function caller(origin: string, key: string): Call {
  return async (expected, method, path, body) => {
    const reply = await fetch(origin + path, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await reply.text()
    expect([method, path, reply.status, text]).toEqual([method, path, expected, text])
    return text === '' ? undefined : JSON.parse(text)
  }
}

// There is no client of this vendor on npm.
withVendor('The API description of Morph', () => {
  test(
    'Every operation in it is answered as it says, refusals included',
    async () => {
      const { server, prism, call } = await behindPrism()
      await lifeOfSnapshots(call, server)
      await everythingElse(call, server)
      expect(await prism.violations()).toEqual([])
      expect(operationsOf(SPEC).length).toBeGreaterThan(20)
      expect(uncalled(SPEC, server.requests)).toEqual([])
    },
    PATIENCE,
  )

  test(
    'What clients send without need passes, too',
    async () => {
      const { server, prism, call } = await behindPrism()
      // The one in Python says null for what is not given, the one in TypeScript has a check that nobody asked for.
      const readiness_check = { type: 'timeout', timeout: 10 }
      const spec = { image_id: 'morphvm-minimal', vcpus: 1, memory: 512, disk_size: 2000, readiness_check }
      const { id } = await call(200, 'POST', '/snapshot', { ...spec, digest: null, metadata: null })
      await call(200, 'POST', `/instance?snapshot_id=${id}`, {
        metadata: null,
        ttl_seconds: null,
        ttl_action: null,
      })
      const { digest } = await call(200, 'POST', `/instance/${server.instance.id}/snapshot?digest=undefined`)
      expect(digest).toBe('undefined')
      expect(await prism.violations()).toEqual([])
    },
    PATIENCE,
  )

  test(
    'The proxy does notice a wrong answer and a wrong request',
    async () => {
      const { server, prism, call } = await behindPrism()
      const wrong = { status: 200, body: { object: 'list', data: [{ id: 'snapshot_1', status: 'fine' }] } }
      server.faults.push({ when: () => true, at: 'after', how: { answer: wrong } })
      await call(500, 'GET', '/snapshot')
      await call(422, 'POST', '/snapshot', { vcpus: 'two' })
      expect(await prism.violations()).toHaveLength(2)
      expect(server.requests.map(({ method }) => method)).toEqual(['GET'])
    },
    PATIENCE,
  )
})

async function lifeOfSnapshots(call: Call, { instance, cloud }: Morph): Promise<void> {
  const finish = async (path: string, status: string) => {
    let now: string
    do now = (await call(200, 'GET', path)).status
    while (now === status)
    return now
  }
  const digest = 'step-1'
  const taken = await call(200, 'POST', `/instance/${instance.id}/snapshot`, {
    digest,
    sync: false,
    ttl_seconds: 600,
  })
  const path = `/snapshot/${taken.id}`
  for (const other of ['snapshot', 'branch', 'pause', 'resume'])
    await call(409, 'POST', `/instance/${instance.id}/${other}`)
  expect(await finish(path, 'pending')).toBe('ready')
  expect((await call(200, 'POST', '/snapshot', { digest })).id).toBe(taken.id)

  await call(200, 'POST', `${path}/metadata`, { name: 'one', team: 'x' })
  await call(200, 'POST', `${path}/ttl`, { ttl_seconds: null })
  for (const list of [
    '/snapshot',
    `/snapshot?digest=${digest}`,
    '/snapshot?metadata[name]=one&metadata[team]=x',
  ])
    expect((await call(200, 'GET', list)).data).toHaveLength(1)
  expect(await call(200, 'GET', '/snapshot/list?page=1&limit=1&metadata[name]=one')).toMatchObject({
    total: 1,
  })

  const warm = await call(200, 'POST', `/instance?snapshot_id=${taken.id}`, {
    ttl_seconds: 60,
    ttl_action: 'stop',
  })
  expect(await finish(`/instance/${warm.id}`, 'pending')).toBe('ready')
  const cold = await call(200, 'POST', `${path}/boot`, { vcpus: 2, memory: 1024, disk_size: 10_000 })
  await call(422, 'POST', `${path}/boot`, { disk_size: 1 })
  expect(await finish(`/instance/${cold.id}`, 'pending')).toBe('ready')
  expect(cloud.instances.get(cold.id)?.content).toEqual({ disk: 'the first state', memory: 'just booted' })

  const { token } = await call(200, 'POST', `${path}/token?expires_in=60`)
  await call(200, 'POST', `/snapshot/pull?token=${token}`, { name: 'copy' })
  await call(404, 'POST', '/snapshot/pull?token=nothing')
  await call(204, 'DELETE', path)
  await call(404, 'POST', `/instance?snapshot_id=${taken.id}`)
  expect(await finish(path, 'deleting')).toBe('deleted')
  cloud.snapshots.delete(taken.id)
  await call(404, 'GET', path)
  await call(404, 'DELETE', path)
}

async function everythingElse(call: Call, { instance, cloud, failNext }: Morph): Promise<void> {
  const path = `/instance/${instance.id}`
  const settled = async () => {
    while (!['ready', 'paused'].includes((await call(200, 'GET', path)).status));
  }
  for (const list of ['/image', '/instance', '/instance?metadata[a]=b', '/instance/list?page=1&limit=1'])
    await call(200, 'GET', list)
  await call(200, 'GET', '/user/service/quota')
  await call(200, 'POST', '/snapshot', { ttl_seconds: 60, metadata: { a: 'b' } })
  failNext('snapshot')
  expect(await call(200, 'POST', `${path}/snapshot`)).toMatchObject({ status: 'failed' })
  const metadata = { snapshot_metadata: { a: 'b' }, instance_metadata: [{ n: '0' }, { n: '1' }] }
  expect((await call(200, 'POST', `${path}/branch?count=2`, metadata)).instances).toHaveLength(2)
  await call(200, 'POST', `${path}/pause?snapshot=true`)
  await settled()
  await call(200, 'POST', `${path}/resume`)
  await settled()
  await call(200, 'POST', `${path}/reboot`, { vcpus: 2 })
  await call(422, 'POST', `${path}/reboot`)
  await call(200, 'POST', `${path}/metadata`, { a: 'b' })
  await call(200, 'POST', `${path}/ttl`, { ttl_seconds: 60, ttl_action: 'pause' })
  await call(200, 'POST', '/image/morphvm-minimal/boot', { vcpus: 1, memory: 512 })
  await call(404, 'POST', '/image/nothing/boot', {})
  await settled()
  cloud.account.snapshots = 0
  await call(403, 'POST', `${path}/snapshot`)
  cloud.account.credit = false
  await call(402, 'POST', `${path}/snapshot`)
  await call(204, 'DELETE', path)
  await call(404, 'DELETE', path)
}
