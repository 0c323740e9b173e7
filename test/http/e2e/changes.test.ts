import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Client as ClientV2 } from '@modelcontextprotocol/client'
import type { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import {
  ResourceListChangedNotificationSchema,
  ResourceUpdatedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js'
import { beforeAll, describe, expect, test } from 'vitest'
import { HTTP_CLIENTS, type HttpClientKind, type HttpServer } from '../../support/http.ts'
import { writeAccess } from './access.ts'
import { ask, callTool, headersFor, initialize, type Way } from './wire.ts'
import { httpWorld } from './world.ts'

const world = httpWorld()
const [mine, theirs] = [world.directory('mine'), world.directory('theirs')]
const part = join(mine, 'part')
mkdirSync(part)
const { path, tokens } = writeAccess(
  world.dir,
  {
    me: { tenant: 'here' },
    colleague: { tenant: 'here' },
    stranger: { tenant: 'there' },
    blind: { tenant: 'here', scopes: ['snapshots:create'] },
    narrow: { tenant: 'here', roots: [part] },
  },
  { here: { roots: [mine] }, there: { roots: [theirs] } },
)
let server: HttpServer
beforeAll(async () => {
  server = await world.serve({ roots: [world.directory()], args: ['--access', path] })
})

/** A client that listens for all there is to hear of, and for this snapshot in particular. What it has heard, in order. */
async function listener(kind: HttpClientKind, token: string, uri: string): Promise<string[]> {
  const heard: string[] = []
  let isOpen = () => {}
  const opened = new Promise<void>((resolve) => {
    isOpen = resolve
  })
  // An old client opens its stream by itself, and does not say when.
  const telling: typeof fetch = async (input, init) => {
    const response = await fetch(input, init)
    if (init?.method === 'GET') isOpen()
    return response
  }
  const client = await world.open(kind, server.url, { token, fetch: telling })
  if (kind === 'SDK v2') {
    const inner = client.inner as ClientV2
    inner.setNotificationHandler('notifications/resources/list_changed', () => void heard.push('list'))
    inner.setNotificationHandler('notifications/resources/updated', (n) => void heard.push(n.params.uri))
    await inner.listen({ resourcesListChanged: true, resourceSubscriptions: [uri] })
  } else {
    const inner = client.inner as ClientV1
    inner.setNotificationHandler(ResourceListChangedNotificationSchema, () => void heard.push('list'))
    inner.setNotificationHandler(ResourceUpdatedNotificationSchema, (n) => void heard.push(n.params.uri))
    await inner.subscribeResource({ uri })
    await opened
  }
  return heard
}

const uriOf = (id: string) => `snapshot://${id.replace(':', '/')}`

describe.each(HTTP_CLIENTS)('a %s client that listens', (kind: HttpClientKind) => {
  test('hears of what others of its tenant do, and nobody else hears of that', async () => {
    const colleague = await world.open('SDK v2', server.url, { token: tokens.colleague })
    const { snapshot } = await colleague.call('snapshot_create')
    const other = await colleague.call('snapshot_create')
    const uri = uriOf(snapshot.id)
    const heard = await listener(kind, tokens.me, uri)
    const strangers = await Promise.all(HTTP_CLIENTS.map((each) => listener(each, tokens.stranger, uri)))

    writeFileSync(join(mine, 'file'), kind)
    await colleague.call('snapshot_create')
    await expect.poll(() => heard).toEqual(['list'])
    await colleague.call('snapshot_update', { snapshot: other.snapshot.id, note: 'not listened to' })
    await colleague.call('snapshot_update', { snapshot: snapshot.id, note: 'changed' })
    await expect.poll(() => heard).toEqual(['list', 'list', 'list', uri])

    // What would have reached the strangers has done so by the time that they hear of their own.
    const stranger = await world.open('SDK v1', server.url, { token: tokens.stranger })
    await stranger.call('snapshot_create')
    await expect.poll(() => strangers).toEqual([['list'], ['list']])
    expect(heard).toHaveLength(4)
  })

  test('whose place is a part of the tenant hears that something changed, and never what', async () => {
    const colleague = await world.open('SDK v2', server.url, { token: tokens.colleague })
    const { snapshot } = await colleague.call('snapshot_create')
    const uri = uriOf(snapshot.id)
    const heard = await listener(kind, tokens.narrow, uri)
    const all = await listener(kind, tokens.me, uri)
    await colleague.call('snapshot_update', { snapshot: snapshot.id, note: `seen by ${kind}` })
    await colleague.call('snapshot_update', { snapshot: snapshot.id, note: `seen again by ${kind}` })
    await expect.poll(() => all).toEqual(['list', uri, 'list', uri])
    // What would have been told of the first change would have come before the news of the second.
    await expect.poll(() => heard).toEqual(['list', 'list'])
  })
})

test('who may not read the snapshots may not listen, and is told what that takes', async () => {
  const way: Way = { url: server.url, era: 'modern', token: tokens.blind }
  const filter = { notifications: { resourcesListChanged: true } }
  const refused = await ask(way, 'subscriptions/listen', filter)
  expect(refused.status).toBe(403)
  const challenge = refused.headers.get('www-authenticate')
  expect(challenge).toContain('error="insufficient_scope"')
  expect(challenge).toContain('scope="snapshots:read"')
  expect((await ask(way, 'tools/list')).status).toBe(200)
})

test('a session of who may not read the snapshots is told nothing', async () => {
  const begun = await initialize({ url: server.url, era: 'legacy', token: tokens.blind })
  const stream = await fetch(server.url, { headers: headersFor(begun, '') })
  const reading = stream.text()
  const heard = await listener('SDK v1', tokens.me, 'snapshot://local/none')
  expect((await callTool(begun, 'snapshot_create')).status).toBe(200)
  await expect.poll(() => heard).toContain('list')
  // All that was told before the stream ended with its session has come by then.
  await fetch(server.url, { method: 'DELETE', headers: headersFor(begun, '') })
  const told = await reading
  expect(told).toContain(': open')
  expect(told).not.toContain('notifications/')
})
