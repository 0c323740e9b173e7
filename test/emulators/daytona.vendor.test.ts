import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { readTar } from './daytona/tar.ts'
import { createDaytona, type Daytona, type DaytonaOptions } from './daytona.ts'
import { type Prism, startPrism } from './prism.ts'
import { vendorPackage, withVendor } from './vendor.ts'

/** As much of the vendor's client as is used here. */
interface Sdk {
  Daytona: new (config: Record<string, unknown>) => Client
  Image: { fromDockerfile(path: string): unknown; base(image: string): unknown }
}
interface Client {
  snapshot: {
    create(params: Record<string, unknown>, options?: { onLogs(line: string): void }): Promise<SdkSnapshot>
    list(
      query?: Record<string, unknown>,
    ): Promise<{ items: SdkSnapshot[]; total: number; totalPages: number }>
    get(idOrName: string): Promise<SdkSnapshot>
    delete(idOrName: string): Promise<void>
    activate(idOrName: string): Promise<SdkSnapshot>
  }
  create(params: Record<string, unknown>, options?: { timeout: number }): Promise<SdkSandbox>
  get(idOrName: string): Promise<SdkSandbox>
  list(query?: Record<string, unknown>): AsyncIterable<SdkSandbox>
}
interface SdkSnapshot {
  id: string
  name: string
  state: string
  cpu: number
  mem: number
  entrypoint: string[] | null
  regionIds: string[]
}
interface SdkSandbox {
  id: string
  name: string
  state: string
  snapshot: string
  createSnapshot(name: string): Promise<void>
  fork(params?: { name: string }): Promise<SdkSandbox>
  start(): Promise<void>
  stop(): Promise<void>
  delete(): Promise<void>
  refreshData(): Promise<void>
}

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

const START = Date.parse('2026-11-20T12:00:00Z')
const MINUTE = 60_000

async function world(options: DaytonaOptions = {}, through?: (daytona: Daytona) => Promise<Prism>) {
  let time = START
  const daytona = await createDaytona({ now: () => time, pollsToComplete: 0, ...options })
  cleanups.push(() => daytona.close())
  const prism = await through?.(daytona)
  if (prism) cleanups.push(() => prism.stop())
  const { Daytona, Image } = await vendorPackage<Sdk>('@daytona/sdk')
  const client = (target = 'us') =>
    new Daytona({
      ...{ apiKey: daytona.key, apiUrl: prism?.url ?? daytona.apiUrl, target },
      useDeprecatedPolling: true,
    })
  const pass = (milliseconds: number) => {
    time += milliseconds
  }
  return { daytona, client: client(), clientIn: client, Image, pass, prism }
}

/** A Dockerfile with a file and a directory beside it. */
function project(dockerfile: string): string {
  const dir = mkdtempSync(join(tmpdir(), 'snapshot-mcp-daytona-'))
  cleanups.push(() => rmSync(dir, { recursive: true }))
  mkdirSync(join(dir, 'app/lib'), { recursive: true })
  writeFileSync(join(dir, 'Dockerfile'), dockerfile)
  writeFileSync(join(dir, 'requirements.txt'), 'numpy==2.1.0\n')
  writeFileSync(join(dir, 'app/main.py'), 'print("hello")\n')
  writeFileSync(join(dir, `app/lib/${'long-name-'.repeat(14)}.py`), 'pass\n')
  return join(dir, 'Dockerfile')
}

withVendor('The client of the vendor on the emulator', () => {
  test('It creates a snapshot from a registry image, finds, lists and deletes it', async () => {
    const { client } = await world()
    const made = await client.snapshot.create({
      ...{ name: 'team/python:3.12', image: 'python:3.12-slim', entrypoint: ['sleep', '1'] },
      resources: { cpu: 2, memory: 4, disk: 5 },
    })
    expect(made).toMatchObject({
      state: 'active',
      cpu: 2,
      mem: 4,
      entrypoint: ['sleep', '1'],
      regionIds: ['us'],
    })
    expect((await client.snapshot.get('team/python:3.12')).id).toBe(made.id)
    const { items, total } = await client.snapshot.list({ page: 1, limit: 10 })
    expect([items.map(({ id }) => id)[0], total]).toEqual([made.id, 2])
    await client.snapshot.delete('team/python:3.12')
    await expect(client.snapshot.get(made.id)).rejects.toMatchObject({ statusCode: 404 })
  })

  test('It builds a Dockerfile with a context that it uploads once, and shows the log', async () => {
    const { client, Image, daytona } = await world()
    const path = project(
      'FROM debian:12\nCOPY requirements.txt /r.txt\nCOPY app /app\nRUN pip install -r /r.txt\n',
    )
    const logs: string[] = []
    const onLogs = (line: string) => void logs.push(line)
    const made = await client.snapshot.create(
      { name: 'built', image: Image.fromDockerfile(path) },
      { onLogs },
    )
    expect(made.state).toBe('active')
    expect(logs.join('\n')).toMatch(
      /Step 1\/4 : FROM debian:12[\s\S]*Step 4\/4 : RUN pip[\s\S]*Successfully tagged/,
    )

    const archives = [...daytona.world.objects.objects.values()].map(readTar)
    expect(archives.map((entries) => entries.map((one) => `${one.kind} ${one.path}`).sort())).toEqual([
      ['file requirements.txt'],
      [
        'directory app',
        'directory app/lib',
        `file app/lib/${'long-name-'.repeat(14)}.py`,
        'file app/main.py',
      ],
    ])
    const uploads = () => daytona.storage.requests.filter(({ method }) => method === 'PUT').length
    expect(uploads()).toBe(2)
    await client.snapshot.create({ name: 'again', image: Image.fromDockerfile(path) })
    expect(uploads()).toBe(2)
  })

  test('A context of many megabytes arrives whole, part by part', async () => {
    const { client, Image, daytona } = await world()
    const path = project('FROM debian:12\nCOPY app /app\n')
    const big = Buffer.alloc(6_000_000, 'a build context that does not fit into one part. ')
    writeFileSync(join(path, '../app/model.bin'), big)
    await client.snapshot.create({ name: 'big', image: Image.fromDockerfile(path) })
    const entries = [...daytona.world.objects.objects.values()].flatMap(readTar)
    expect(entries.find((one) => one.path === 'app/model.bin')?.bytes.equals(big)).toBe(true)
    expect(daytona.storage.requests.filter(({ query }) => query.includes('partNumber')).length).toBe(2)
  })

  test('What fails to build, to pull or to be allowed comes out as an error with the reason', async () => {
    const { client, Image } = await world()
    const image = Image.fromDockerfile(project('FROM debian:12\nRUN false\n'))
    await expect(client.snapshot.create({ name: 'bad', image })).rejects.toThrow(
      'returned a non-zero code: 1',
    )
    await expect(client.snapshot.create({ name: 'm', image: 'missing/img:1' })).rejects.toThrow(
      'not found in registry',
    )
    await expect(client.snapshot.create({ name: 'l', image: 'ubuntu:latest' })).rejects.toMatchObject({
      ...{ statusCode: 400, message: 'Images with tag ":latest" are not allowed' },
    })
  })

  test('It activates what has been inactive for a while', async () => {
    const { client, daytona, pass } = await world()
    const old = daytona.addSnapshot({ name: 'old' })
    pass(14 * 24 * 60 * MINUTE)
    expect((await client.snapshot.get('old')).state).toBe('inactive')
    await expect(client.create({ snapshot: 'old' })).rejects.toThrow('Snapshot old is inactive')
    await expect(client.snapshot.activate('old')).rejects.toThrow('Please try again in a few minutes')
    pass(10 * MINUTE)
    expect((await client.snapshot.activate(old.id)).state).toBe('pending')
    await client.snapshot.get('old')
    expect((await client.snapshot.get('old')).state).toBe('active')
  })

  test('It makes a sandbox from a snapshot, stops and starts it, lists and deletes it', async () => {
    const { client, daytona } = await world()
    daytona.addSnapshot({ name: 'base', content: 'what was saved' })
    const sandbox = await client.create(
      { snapshot: 'base', name: 'work', labels: { team: 'a' } },
      { timeout: 30 },
    )
    expect(sandbox).toMatchObject({ name: 'work', state: 'started', snapshot: 'base' })
    expect(daytona.world.sandboxes.get(sandbox.id)!.content).toBe('what was saved')
    await sandbox.stop()
    expect(sandbox.state).toBe('stopped')
    await sandbox.start()
    expect(sandbox.state).toBe('started')
    const names: string[] = []
    for await (const one of client.list({ limit: 1 })) names.push(one.name)
    expect(names.sort()).toEqual(['devbox', 'work'])
    await sandbox.delete()
    await expect(client.get('work')).rejects.toMatchObject({ statusCode: 404 })
  })

  test('It forks a virtual machine, and a container cannot be forked', async () => {
    const { client, clientIn, daytona } = await world()
    daytona.addSandbox({ name: 'vm', target: 'us-east-1', sandboxClass: 'linux-vm', content: 'of the vm' })
    const copy = await (await clientIn('us-east-1').get('vm')).fork({ name: 'vm-copy' })
    expect([copy.state, daytona.world.sandboxes.get(copy.id)?.content]).toEqual(['started', 'of the vm'])
    await expect((await client.get('devbox')).fork()).rejects.toMatchObject({ statusCode: 422 })
  })

  describe('A snapshot of a sandbox', () => {
    test('On the old server it takes a loss for a success, as in reality', async () => {
      const { client } = await world({ generation: 'v0.190' })
      const sandbox = await client.get('devbox')
      await sandbox.createSnapshot('kept')
      expect((await client.snapshot.get('kept')).state).toBe('active')
      await sandbox.createSnapshot('fail-1')
      expect(sandbox.state).toBe('started')
      await expect(client.snapshot.get('fail-1')).rejects.toMatchObject({ statusCode: 404 })
    })

    test('On the newer one the record tells what the sandbox does not', async () => {
      const { client } = await world()
      const sandbox = await client.get('devbox')
      await sandbox.createSnapshot('fail-1')
      expect(await client.snapshot.get('fail-1')).toMatchObject({
        state: 'error',
        errorReason: expect.any(String),
      })
    })
  })
})

withVendor('Both sides of every exchange fit the API description', () => {
  test('With the client of the vendor on one side and the emulator on the other', async () => {
    const { client, clientIn, daytona, Image, prism } = await world({}, (emulator) =>
      startPrism('daytona.openapi.json', emulator.apiUrl),
    )
    await client.snapshot.create({ name: 'from-image', image: 'python:3.12-slim' })
    const image = Image.fromDockerfile(project('FROM debian:12\nCOPY requirements.txt /r.txt\n'))
    const logs: string[] = []
    await client.snapshot.create({ name: 'built', image }, { onLogs: (line) => void logs.push(line) })
    expect(logs.join('\n')).toContain('Step 2/2 : COPY requirements.txt')
    const sandbox = await client.create({ snapshot: 'built', name: 'one' }, { timeout: 30 })
    await sandbox.createSnapshot('of-one')
    expect(await client.snapshot.get('of-one')).toMatchObject({ state: 'active' })
    expect((await client.snapshot.list({ sourceSandboxId: sandbox.id })).total).toBe(1)
    await sandbox.stop()
    await sandbox.start()
    daytona.addSandbox({ name: 'vm', target: 'us-east-1', sandboxClass: 'linux-vm' })
    await (await clientIn('us-east-1').get('vm')).fork({ name: 'vm-copy' })
    for await (const one of client.list()) expect(one.id).toBeTruthy()
    await client.snapshot.delete('from-image')
    await sandbox.delete()
    expect(await prism!.violations()).toEqual([])
  })

  test('And with plain requests for what the client does not ask', async () => {
    const { daytona, prism } = await world({}, (emulator) =>
      startPrism('daytona.openapi.json', emulator.apiUrl),
    )
    const { organizationId } = daytona.world
    const ask = async (path: string, method = 'GET', body?: unknown) => {
      const reply = await fetch(`${prism!.url}${path}`, {
        method,
        headers: { authorization: `Bearer ${daytona.key}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      return [reply.status, await reply.text()] as const
    }
    for (const path of [
      '/regions',
      '/shared-regions',
      '/config',
      '/api-keys/current',
      '/object-storage/push-access',
    ])
      expect([path, (await ask(path))[0]]).toEqual([path, 200])
    expect(await ask(`/organizations/${organizationId}/usage`)).toMatchObject({ 0: 200 })
    daytona.addSandbox({ name: 'vm', sandboxClass: 'linux-vm' })
    for (const path of ['/sandbox/vm/pause', '/sandbox/vm/backup'])
      expect(await ask(path, 'POST')).toMatchObject({ 0: 200 })
    expect(await ask('/sandbox/devbox/labels', 'PUT', { labels: { a: 'b' } })).toEqual([
      200,
      '{"labels":{"a":"b"}}',
    ])
    for (const path of ['/sandbox/vm/forks', '/sandbox/vm/ancestors'])
      expect(await ask(path)).toEqual([200, '[]'])
    const { id } = daytona.addSnapshot({ name: 'mine' })
    expect(await ask(`/snapshots/${id}/deactivate`, 'POST')).toEqual([204, ''])
    expect(await ask('/snapshots?sort=createdAt&order=asc&name=mine')).toMatchObject({ 0: 200 })
    expect(await prism!.violations()).toEqual([])
  })

  test('The old server does not fit it, in the one way that is known, which shows that it is checked', async () => {
    const { daytona, prism } = await world({ generation: 'v0.190' }, (emulator) =>
      startPrism('daytona.openapi.json', emulator.apiUrl),
    )
    const reply = await fetch(`${prism!.url}/snapshots`, {
      headers: { authorization: `Bearer ${daytona.key}` },
    })
    expect(await reply.text()).toContain("must have required property 'sourceSandboxId'")
    expect(await prism!.violations()).toHaveLength(1)
  })
})
