import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createMorph } from '../../emulators/morph.ts'
import { plan } from '../../support/confirm.ts'
import { type HttpServer, startHttp } from '../../support/http.ts'
import { differences, picture } from '../../support/oracle.ts'
import { makeBulk } from '../../support/workspace.ts'
import { callTool, initialize, messagesOf, send, type Way } from './wire.ts'
import { httpWorld, type Serving } from './world.ts'

const world = httpWorld()

/** A server that the test itself ends. */
async function start(options: Serving): Promise<HttpServer> {
  const server = await startHttp(world.options(options))
  onTestFinished(() => server.process.kill())
  return server
}

const terminate = ({ process: { pid } }: HttpServer) => void process.kill(pid, 'SIGTERM')
const statusOf = async ({ process }: HttpServer) => (await process.exit).code
const isClosing = ({ process }: HttpServer) => process.stderr.some((line) => line.includes('"Closing"'))

/** The first piece of a stream that has begun, and all of its messages in the end. */
async function begun(response: Response) {
  const [one, other] = response.body!.tee()
  await one.getReader().read()
  return messagesOf(new Response(other, { headers: response.headers }))
}

test('a restore that runs when the server is told to stop comes to its end, and its answer arrives', async () => {
  const root = world.directory('root')
  makeBulk(root)
  const server = await start({ roots: [root], home: world.directory('home') })
  const client = await world.open('SDK v2', server.url)
  const { snapshot } = await client.call('snapshot_create')
  const good = picture(root)
  for (let n = 0; n < 100; n++) await truncate(join(root, `bulk-${n}.bin`))
  const confirmation = await plan(client, 'snapshot_restore', { snapshot: snapshot.id })

  const way: Way = { url: server.url, era: 'modern' }
  const args = { snapshot: snapshot.id, confirmation }
  const call = { name: 'snapshot_restore', arguments: args, _meta: { progressToken: 1 } }
  const running = await send(way, 'tools/call', call)
  const answered = begun(running)
  terminate(server)
  const answer = (await answered).at(-1)
  expect(answer?.result.structuredContent).toMatchObject({ status: 'done' })
  expect(await statusOf(server)).toBe(0)
  expect(differences(good, picture(root))).toEqual([])
})

const truncate = async (path: string) => (await import('node:fs/promises')).truncate(path, 10)

async function cloud() {
  const morph = await createMorph({ pollsToComplete: 0 })
  onTestFinished(() => morph.close())
  const env = { MORPH_API_KEY: morph.key, MORPH_BASE_URL: `${morph.url}/api` }
  const options: Serving = { roots: [world.directory()], home: world.directory('home'), env }
  return { morph, options, source: `instance:${morph.instance.id}` }
}

test('while it waits for what runs, whoever comes is sent elsewhere', async () => {
  const { morph, options, source } = await cloud()
  const server = await start(options)
  const way: Way = { url: server.url, era: 'modern' }
  const release = morph.hold()
  const running = callTool(way, 'snapshot_create', { source, wait_seconds: 50 })
  await expect.poll(() => morph.requests.some(({ method }) => method === 'POST')).toBe(true)

  // A request that had begun to arrive: connections on which nothing happens are closed at once.
  const socket = connect(Number(new URL(server.origin).port), '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  socket.write('POST /mcp HTTP/1.1\r\nHost: localhost\r\n')
  // It has been read when a later one is answered.
  expect((await fetch(`${server.origin}/readyz`)).status).toBe(200)
  terminate(server)
  await expect.poll(() => isClosing(server)).toBe(true)
  socket.write('Content-Length: 100\r\n\r\n')
  const [refusal] = (await once(socket, 'data')) as [Buffer]
  expect(refusal.toString()).toMatch(/^HTTP\/1\.1 503 /)
  expect(refusal.toString()).toMatch(/^retry-after: \d+\r$/im)
  expect(refusal.toString()).toMatch(/^connection: close\r$/im)
  expect((await fetch(`${server.origin}/healthz`)).status).toBe(200)
  const readyz = await fetch(`${server.origin}/readyz`)
  expect([readyz.status, await readyz.json()]).toEqual([503, expect.objectContaining({ ready: false })])

  release()
  const { reply } = await running
  expect(reply).toMatchObject({ status: 'done', snapshot: { provider: 'morph', state: 'ready' } })
  expect(await statusOf(server)).toBe(0)
})

test('while it waits for what runs, a client with a session may take that back, and begin nothing', async () => {
  const { morph, options, source } = await cloud()
  const server = await start(options)
  const way = await initialize({ url: server.url, era: 'legacy' })
  const release = morph.hold()
  const running = callTool(way, 'snapshot_create', { source, wait_seconds: 50 })
  await expect.poll(() => morph.requests.some(({ method }) => method === 'POST')).toBe(true)
  terminate(server)
  await expect.poll(() => isClosing(server)).toBe(true)

  const anew = await callTool(way, 'snapshot_list', {}, { id: 2 })
  expect(anew.status).toBe(503)
  expect(anew.headers.get('retry-after')).toMatch(/^\d+$/)
  await expect(initialize({ url: server.url, era: 'legacy' })).rejects.toThrow('503')
  const stranger = { ...way, session: 'one-that-never-was' }
  expect((await send(stranger, 'notifications/cancelled', { requestId: 1 })).status).toBe(404)
  expect((await send(way, 'notifications/cancelled', { requestId: 1 })).status).toBe(202)
  // A call that was taken back is not answered.
  expect((await running).answer).toBeUndefined()
  release()
  expect(await statusOf(server)).toBe(0)
})

test('a person who is asked when the server is told to stop can still answer', async () => {
  const root = world.directory('root')
  const server = await start({ roots: [root], home: world.directory('home') })
  const client = await world.open('SDK v1', server.url, {
    person: async () => {
      terminate(server)
      await expect.poll(() => isClosing(server)).toBe(true)
      return { action: 'accept', content: { confirm: true } }
    },
  })
  writeFileSync(join(root, 'file'), 'good')
  const { snapshot } = await client.call('snapshot_create')
  const good = picture(root)
  writeFileSync(join(root, 'file'), 'broken')
  expect(await client.call('snapshot_restore', { snapshot: snapshot.id })).toMatchObject({ status: 'done' })
  expect(differences(good, picture(root))).toEqual([])
  expect(await statusOf(server)).toBe(0)
})

test('what a cloud still works on is taken up by the next server', async () => {
  const { morph, options, source } = await cloud()
  const first = await start(options)
  const release = morph.hold()
  const client = await world.open('SDK v2', first.url)
  const { snapshot, operation } = await client.call('snapshot_create', { source, wait_seconds: 0 })
  await expect.poll(() => morph.requests.some(({ method }) => method === 'POST')).toBe(true)
  terminate(first)
  expect(await statusOf(first)).toBe(0)
  release()

  const next = await world.open('SDK v2', (await start(options)).url)
  const found = await next.call('snapshot_get', { snapshot: snapshot.id, wait_seconds: 50 })
  expect(found.snapshot).toMatchObject({ state: 'ready', source: { id: morph.instance.id } })
  expect(morph.cloud.snapshots.size).toBe(1)
  const { operations } = await next.call('snapshot_status')
  expect(operations.find((each) => each.operation === operation)?.state ?? 'done').toBe('done')
})

test.each(['SDK v2', 'SDK v1'] as const)('streams that are open do not hold it up, %s', async (kind) => {
  const server = await start({ roots: [world.directory()], home: world.directory('home') })
  const client = await world.open(kind, server.url)
  if (kind === 'SDK v2')
    await (client.inner as { listen(filter: object): Promise<unknown> }).listen({
      resourcesListChanged: true,
    })
  await client.call('snapshot_list')
  expect(await server.stop()).toBe(0)
})
