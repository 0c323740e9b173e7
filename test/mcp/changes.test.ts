import { Client, InMemoryTransport } from '@modelcontextprotocol/client'
import { McpServer } from '@modelcontextprotocol/server'
import { expect, onTestFinished, test } from 'vitest'
import { tellSession } from '../../src/mcp/changes.ts'
import { uriOf } from '../../src/mcp/resources.ts'
import type { Change } from '../../src/state/backend.ts'

/** A session of an old client, what it has heard, and how something changes. */
async function session() {
  const listeners = new Set<(change: Change) => void>()
  const server = new McpServer(
    { name: 'one', version: '1' },
    { capabilities: { resources: { subscribe: true, listChanged: true } } },
  )
  const subscribe = (listener: (change: Change) => void) => {
    listeners.add(listener)
    return () => void listeners.delete(listener)
  }
  tellSession(server, { publish: () => {}, subscribe }, { byName: true })
  const client = new Client({ name: 'old', version: '1' })
  const heard: string[] = []
  client.setNotificationHandler(
    'notifications/resources/updated',
    ({ params }) => void heard.push(params.uri),
  )
  const [here, there] = InMemoryTransport.createLinkedPair()
  await server.connect(here)
  await client.connect(there)
  onTestFinished(() => client.close())
  const change = (...snapshots: string[]) => {
    for (const listener of listeners) listener({ snapshots })
  }
  return { client, heard, change }
}

test('of what a client wants to hear of, only what can be a snapshot is kept', async () => {
  const { client, heard, change } = await session()
  const prefix = uriOf('local:')
  const longest = `local:${'x'.repeat(400 - prefix.length)}`
  const tooLong = `${longest}x`
  for (const uri of [uriOf(tooLong), 'file:///etc/passwd', 'x'.repeat(2 ** 19), uriOf(longest)])
    expect(await client.subscribeResource({ uri })).toEqual({})
  change(tooLong, longest)
  await expect.poll(() => heard).toEqual([uriOf(longest)])
})

test('what cannot be kept takes no place of what can', async () => {
  const { client, heard, change } = await session()
  for (let n = 0; n < 1000; n++) await client.subscribeResource({ uri: `file:///${n}` })
  await client.subscribeResource({ uri: uriOf('local:last') })
  change('local:last')
  await expect.poll(() => heard).toEqual([uriOf('local:last')])
})
