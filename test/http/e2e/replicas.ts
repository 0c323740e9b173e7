import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { type HttpClient, type HttpClientKind, type HttpServer, startHttp } from '../../support/http.ts'
import { differences, picture } from '../../support/oracle.ts'
import { startRedis } from '../../support/redis.ts'
import { roundRobin } from '../../support/round-robin.ts'
import type { World } from './world.ts'

/** Two servers with one home and one Redis, and a proxy in front of them, for the running test. */
export async function replicas(world: World, more: string[] = []) {
  const redis = await startRedis()
  const [root, home] = [world.directory('root'), world.directory('home')]
  const args = ['--replicas', '2', '--state', redis.url, ...more]
  const start = async (): Promise<HttpServer> => {
    const server = await startHttp(world.options({ roots: [root], home, args }))
    onTestFinished(() => server.process.kill())
    return server
  }
  const servers = await Promise.all([start(), start()])
  const proxy = await roundRobin(servers.map(({ origin }) => origin))
  onTestFinished(proxy.close)
  const file = join(root, 'file')

  return {
    redis,
    root,
    home,
    file,
    start,
    servers: servers as [HttpServer, HttpServer],
    proxy,
    through: (kind: HttpClientKind) => world.open(kind, `${proxy.origin}/mcp`),
    atBoth: () =>
      Promise.all(servers.map(({ url }) => world.open('SDK v2', url))) as Promise<[HttpClient, HttpClient]>,
    /** Saves what is good, and spoils it. */
    async spoilt(client: HttpClient) {
      writeFileSync(file, `good, ${Math.random()}`)
      const { snapshot } = await client.call('snapshot_create')
      const good = picture(root)
      writeFileSync(file, 'spoilt')
      return { id: snapshot.id, isGood: () => differences(good, picture(root)).length === 0 }
    },
    /** A call that is refused, with all as it was: its problem. */
    async unchanged(client: HttpClient, tool: string, args: object) {
      const before = picture(root)
      const reply = await client.raw(tool, args)
      expect(reply.isError, `${tool}: ${JSON.stringify(reply.structuredContent)}`).toBe(true)
      expect(differences(before, picture(root))).toEqual([])
      return reply.structuredContent as { code: string; message: string; outcome: string; retryable: boolean }
    },
  }
}

/** Approves on the approval page that is reached here, as the person whose key it is. */
export async function approveAt(origin: string, code: string, key: string): Promise<Response> {
  const post = (fields: Record<string, string>) =>
    fetch(`${origin}/approve/${code}`, {
      method: 'POST',
      redirect: 'manual',
      headers: { origin, 'sec-fetch-site': 'same-origin' },
      body: new URLSearchParams(fields),
    })
  const page = await (await post({ token: key })).text()
  const form = /name="form" value="([^"]+)"/.exec(page)?.[1]
  return post({ form: form!, decision: 'approve' })
}
