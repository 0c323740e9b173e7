import { chmodSync, writeFileSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { createServer, type OutgoingHttpHeaders, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { liveAccess, type Use } from '../../src/config/access.ts'
import { createGate, type GateOptions } from '../../src/http/gate/index.ts'
import { answerJson, answerRefusal, Refusal } from '../../src/http/refusal.ts'
import { createLog } from '../../src/log.ts'
import { NOON, temporaryDirectory } from '../snapshots/world.ts'

export interface Answer {
  status: number
  headers: Record<string, string | string[] | undefined>
  text: string
  /** The identity, or the problem. */
  said: Record<string, unknown>
}

/** A server on loopback for the running test. */
export async function served(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

export interface DoorOptions extends Partial<Pick<GateOptions, 'listening' | 'fetch'>> {
  /** What the access file holds; none without it. */
  access?: unknown
}

/** A real server that tells whoever gets in who they are. */
export async function door({ access, listening, fetch }: DoorOptions = {}) {
  const home = join(temporaryDirectory(), 'home')
  const file = join(temporaryDirectory(), 'access.json')
  const write = (content: unknown) =>
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content), { mode: 0o600 })
  if (access !== undefined) write(access)
  const time = { now: NOON }
  const lines: string[] = []
  const gate = createGate({
    listening: listening ?? { host: '127.0.0.1', port: 8484 },
    access: access === undefined ? undefined : liveAccess(file),
    home,
    localPrincipal: 'local:1000',
    clock: () => time.now,
    log: createLog({ level: 'debug', write: (line) => void lines.push(line) }),
    ...(fetch && { fetch }),
  })
  const url = await served(async (req, res) => {
    const { pathname } = new URL(req.url ?? '/', 'http://localhost')
    if (gate.answerMetadata(req, res, pathname)) return
    if (pathname.startsWith('/.well-known')) return answerJson(res, 404, {})
    try {
      answerJson(res, 200, await gate.identify(req, pathname.slice(1) as Use))
    } catch (error) {
      if (error instanceof Refusal) return answerRefusal(res, error)
      answerJson(res, 500, { error: String(error) })
    }
  })

  /** `headers` as pairs can name one twice. */
  function ask(
    path = '/mcp',
    {
      method = 'POST',
      ...options
    }: { method?: string; headers?: OutgoingHttpHeaders | string[]; body?: string } = {},
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const req = request(`${url}${path}`, { method, headers: options.headers as OutgoingHttpHeaders })
      req.on('error', reject)
      req.on('response', (res) => {
        let text = ''
        res.setEncoding('utf8').on('data', (chunk) => {
          text += chunk
        })
        res.on('end', () => {
          const body = text.startsWith('{') ? JSON.parse(text) : {}
          const { date: _, connection: __, 'keep-alive': ___, ...headers } = res.headers
          resolve({ status: res.statusCode ?? 0, headers, text, said: body.error?.data ?? body })
        })
      })
      req.end(options.body)
    })
  }

  return {
    gate,
    home,
    file,
    write,
    time,
    lines,
    ask,
    come: (token: string, path = '/mcp') => ask(path, { headers: { authorization: `Bearer ${token}` } }),
    open: () => chmodSync(file, 0o620),
  }
}
