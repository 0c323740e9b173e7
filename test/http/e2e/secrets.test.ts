import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createMorph } from '../../emulators/morph.ts'
import { HTTP_CLIENTS, startHttp } from '../../support/http.ts'
import { writeAccess } from './access.ts'
import { ask, callTool, initialize, type Way } from './wire.ts'
import { httpWorld, saidBy } from './world.ts'

const world = httpWorld()

const canary = (name: string) => `${name}_${randomBytes(24).toString('hex')}`

test('no token and no key is in anything that the server says, answers or writes', async () => {
  const keys = [canary('first'), canary('second')] as const
  const morph = await createMorph({ key: keys[0], pollsToComplete: 0 })
  onTestFinished(() => morph.close())
  const [root, home] = [world.directory('root'), world.directory('home')]
  const keyFile = join(world.dir, 'second.key')
  writeFileSync(keyFile, keys[1], { mode: 0o600 })
  const address = 'env:CLOUD'
  const access = writeAccess(
    world.dir,
    {
      ann: { tenant: 'alpha' },
      ben: { tenant: 'beta' },
      reader: { tenant: 'alpha', scopes: ['snapshots:read'] },
      meter: { for: ['metrics'] },
    },
    {
      alpha: { roots: [root], credentials: { MORPH_API_KEY: 'env:FIRST', MORPH_BASE_URL: address } },
      // Its key is not taken.
      beta: { credentials: { MORPH_API_KEY: `file:${keyFile}`, MORPH_BASE_URL: address } },
    },
  )
  const unknown = canary('unknown')
  const server = await startHttp(
    world.options({
      roots: [],
      home,
      env: { FIRST: keys[0], CLOUD: `${morph.url}/api` },
      args: ['--access', access.path, '--log-level', 'debug'],
    }),
  )
  onTestFinished(() => server.process.kill())
  // The vendor is the worst that it can be: it sends the keys back with its errors.
  morph.faults.push({
    when: ({ route }) => route?.startsWith('POST') ?? false,
    times: 3,
    at: 'before',
    how: { answer: { status: 500, body: { detail: keys.join(' ') } } },
  })

  const answers: string[] = []
  const keeping: typeof fetch = async (input, init) => {
    const response = await fetch(input, init)
    if (init?.method === 'POST') answers.push([...response.headers].join('\n'), await response.clone().text())
    return response
  }
  for (const kind of HTTP_CLIENTS)
    for (const token of [access.tokens.ann, access.tokens.ben]) {
      const client = await world.open(kind, server.url, { token, fetch: keeping })
      writeFileSync(join(root, 'file'), kind)
      await client.raw('snapshot_status', {})
      await client.raw('snapshot_sources', {})
      await client.raw('snapshot_create', { source: `path:${root}`, note: 'a note' })
      await client.raw('snapshot_create', { source: `instance:${morph.instance.id}`, wait_seconds: 1 })
      await client.raw('snapshot_get', { snapshot: 'morph:snapshot_nothing' })
      const { structuredContent } = await client.raw('snapshot_list', {})
      for (const { id } of (structuredContent as { items?: { id: string }[] }).items ?? []) {
        await client.raw('snapshot_restore', { snapshot: id })
        await client.raw('snapshot_delete', { snapshots: [id] })
      }
    }
  const ways: Way[] = [access.tokens.reader, access.tokens.meter, unknown, `${unknown} twice`].map(
    (token) => ({ url: server.url, era: 'modern', token }),
  )
  for (const way of ways) {
    const { headers, messages } = await callTool(way, 'snapshot_create')
    answers.push([...headers].join('\n'), JSON.stringify(messages))
  }
  await initialize({ url: server.url, era: 'legacy', token: access.tokens.ann })
  const wrong = await ask({ url: `${server.url}?token=${unknown}`, era: 'modern' }, 'tools/list')
  answers.push([...wrong.headers].join('\n'), JSON.stringify(wrong.messages))
  for (const path of ['/healthz', '/readyz', '/metrics', '/approve', '/approve/ABCD-EFGH', '/nothing']) {
    for (const token of [access.tokens.meter, access.tokens.ann]) {
      const answer = await fetch(server.origin + path, { headers: { authorization: `Bearer ${token}` } })
      answers.push([...answer.headers].join('\n'), await answer.text())
    }
  }
  expect(await server.stop()).toBe(0)

  const written = filesBelow(home)
  expect(answers.length).toBeGreaterThan(50)
  expect(written.length).toBeGreaterThan(10)
  const secrets = [...keys, ...Object.values(access.tokens), unknown]
  for (const secret of secrets.flatMap((each) => [each, Buffer.from(each).toString('base64').slice(0, -4)]))
    for (const text of [saidBy(server.process), ...answers, ...written]) expect(text).not.toContain(secret)
}, 60_000)

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'))
}
