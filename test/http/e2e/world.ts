import { mkdirSync, mkdtempSync, realpathSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect } from 'vitest'
import { bundleInto } from '../../support/bundle.ts'
import {
  connectHttp,
  type HttpClient,
  type HttpClientKind,
  type HttpClientOptions,
  type HttpServer,
  startHttp,
} from '../../support/http.ts'
import { remove } from '../../support/sandbox.ts'
import { impurities, type ServerOptions, type ServerProcess } from '../../support/server.ts'

export interface World {
  readonly dir: string
  /** A new directory in it. */
  directory(name?: string): string
  /** A server that lives until the last test, when it must end in good order, having kept its streams pure. */
  serve(options: Serving): Promise<HttpServer>
  /** Its options, for a test that starts it by itself. */
  options(options: Serving): ServerOptions
  open(kind: HttpClientKind, url: string, options?: HttpClientOptions): Promise<HttpClient>
}

export type Serving = Pick<ServerOptions, 'roots'> & Partial<ServerOptions>

/** A place for the tests of one file, with all that they start there: over when the last of them is. */
export function httpWorld(): World {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'snapshot-mcp-http-')))
  const servers: HttpServer[] = []
  const clients: HttpClient[] = []
  let count = 0

  const directory = (name = 'dir') => {
    const path = join(dir, `${name}-${++count}`)
    mkdirSync(path)
    return path
  }
  const options = (given: Serving): ServerOptions => ({
    home: join(dir, 'home'),
    entry: { bundle: bundleInto(dir) },
    ...given,
  })
  afterAll(async () => {
    await Promise.all(clients.map((client) => client.close().catch(() => {})))
    const left = await Promise.all(servers.map(ended))
    remove(dir)
    expect(left).toEqual(servers.map(() => ({ status: 0, impure: [] })))
  })
  return {
    dir,
    directory,
    options,
    async serve(given) {
      const server = await startHttp(options(given))
      servers.push(server)
      return server
    },
    async open(kind, url, how) {
      const client = await connectHttp(kind, url, how)
      clients.push(client)
      return client
    },
  }
}

async function ended(server: HttpServer) {
  return { status: await server.stop(), impure: impurities(server.process) }
}

/** Everything that a server has said. */
export const saidBy = ({ stdout, stderr }: ServerProcess) => [...stdout, ...stderr].join('\n')

/** Waits until no call of a tool runs at the server that is reached here. */
export async function idle(origin: string, token?: string): Promise<void> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  await expect
    .poll(async () => (await fetch(`${origin}/metrics`, { headers })).text(), { timeout: 20_000 })
    .toMatch(/^snapshot_mcp_calls_running 0$/m)
}
