import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { SCOPES } from '../../../src/config/access.ts'
import { bundleInto } from '../../../test/support/bundle.ts'
import { create, openServer } from '../ours.ts'
import { prose } from '../tree.ts'
import { BARE, bundleBare } from './bare.ts'
import { type Call, legacyMessage, type Message, modernMessage } from './messages.ts'
import { type Listener, startNode, startRedis } from './process.ts'

/** What is asked, of everybody. */
export const CALLS = ['snapshot_list', 'snapshot_get'] as const
export type CallName = (typeof CALLS)[number]

/** One way to be asked. */
export interface Side {
  name: string
  /** The base that the goals are measured by, and what has to meet them. */
  role?: 'base' | 'ours'
  origins: readonly string[]
  message(call: CallName): Promise<Message> | Message
}

/** All that is measured, running. */
export interface Sides {
  all: readonly Side[]
  /** How each was started, for the reader. */
  commands: readonly string[]
  absent: readonly string[]
  /** Starts another one of ours, or another bare one, with this option to node. */
  another(role: 'base' | 'ours', nodeOption: string): Promise<Listener>
}

export const SNAPSHOTS = 100
export const SHOWN = 20
const FILES = 20
/** Load from one caller is what the limits are for: here they are out of the way. */
const OPEN = ['--rate-limit', '1000000', '--max-concurrency', '256']

export async function startSides(dir: string, signal: AbortSignal): Promise<Sides> {
  const bundle = bundleInto(dir)
  const home = join(dir, 'home')
  const root = join(dir, 'work', 'tree')
  const snapshot = await fill({ bundle, home, root, signal })
  const place = ['--root', dirname(root), '--home', home, ...OPEN]
  const serve = (more: readonly string[] = [], nodeOptions: readonly string[] = []) =>
    startNode([...nodeOptions, bundle, 'serve', '--http', '--port', '0', ...place, ...more], signal)

  const calls: Record<CallName, Call> = {
    snapshot_list: { tool: 'snapshot_list', args: { limit: SHOWN } },
    snapshot_get: { tool: 'snapshot_get', args: { snapshot } },
  }
  const one = await serve()
  const token = randomBytes(32).toString('base64url')
  const guarded = await serve(['--access', accessFile(dir, token)])
  const bundled = await bundleBare(dir)
  const answers = await answersOf(one.origin, calls, dir)
  const bare = await startNode([bundled, answers], signal)
  const unbundled = await startNode([BARE, answers], signal)
  const echo = (name: CallName) => modernMessage({ tool: 'echo', args: { name, limit: SHOWN } })
  const ask = (name: CallName) => modernMessage(calls[name])

  const redis = await startRedis(join(dir, 'redis'), signal)
  const shared = redis && ['--state', redis.url, '--replicas', '2']
  const replicas = shared ? [await serve(shared), await serve(shared)] : []
  return {
    all: [
      { name: 'bare server, bundled', role: 'base', origins: [bare.origin], message: echo },
      { name: 'bare server, unbundled', origins: [unbundled.origin], message: echo },
      {
        name: '**snapshot-mcp**, 1 replica, state in files',
        role: 'ours',
        origins: [one.origin],
        message: ask,
      },
      {
        name: 'the same with a bearer token',
        origins: [guarded.origin],
        message: (name) => modernMessage(calls[name], token),
      },
      {
        name: 'the same for a client of 2025-11-25, in a session',
        origins: [one.origin],
        message: (name) => legacyMessage(`${one.origin}/mcp`, calls[name]),
      },
      ...(shared
        ? [
            {
              name: 'snapshot-mcp, 2 replicas in turn, state in Redis',
              origins: replicas.map(({ origin }) => origin),
              message: ask,
            },
          ]
        : []),
    ],
    commands: [
      'bare server: `node scripts/bench/http/bare-server.mjs ANSWERS`, as it is and bundled as snapshot-mcp is',
      `snapshot-mcp: \`serve --http --port 0 --root DIR --home DIR ${OPEN.join(' ')}\``,
      'with a bearer token: `--access FILE`; with Redis: `--state redis://127.0.0.1:PORT --replicas 2`, twice',
    ],
    absent: shared ? [] : ['redis-server is not installed: 2 replicas are not measured.'],
    another: (role, nodeOption) =>
      role === 'ours' ? serve([], [nodeOption]) : startNode([nodeOption, bundled, answers], signal),
  }
}

/** Makes a small tree and many snapshots of it. Returns the id of one of them. */
async function fill(place: {
  bundle: string
  home: string
  root: string
  signal: AbortSignal
}): Promise<string> {
  const { root } = place
  mkdirSync(root, { recursive: true })
  for (let n = 0; n < FILES; n++) writeFileSync(join(root, `file-${n}.ts`), prose(2000, Math.random))
  const { server, client } = await openServer(place)
  try {
    let id = ''
    for (let n = 0; n < SNAPSHOTS; n++) {
      writeFileSync(join(root, 'count.txt'), `${n}\n`)
      id = await create(client, root)
    }
    return id
  } finally {
    await server.stop()
  }
}

function accessFile(dir: string, token: string): string {
  const path = join(dir, 'access.json')
  const sha256 = createHash('sha256').update(token).digest('hex')
  const tokens = [{ sha256, principal: 'bench', scopes: Object.keys(SCOPES) }]
  writeFileSync(path, JSON.stringify({ tokens }), { mode: 0o600 })
  return path
}

/** What ours answers, byte for byte, for the bare server to give as well: what is compared is the way to it. */
async function answersOf(origin: string, calls: Record<CallName, Call>, dir: string): Promise<string> {
  const answers: Record<string, unknown> = {}
  for (const name of CALLS) {
    const { headers, head, tail } = modernMessage(calls[name])
    const response = await fetch(`${origin}/mcp`, { method: 'POST', headers, body: `${head}1${tail}` })
    const { result } = (await response.json()) as { result: { content: object[]; structuredContent: Answer } }
    const { content, structuredContent } = result
    const shown = name === 'snapshot_list' ? structuredContent.items?.length : structuredContent.snapshot && 1
    if (shown !== (name === 'snapshot_list' ? SHOWN : 1))
      throw new Error(`${name} answers ${JSON.stringify(result)}`)
    answers[name] = { content, structuredContent }
  }
  const path = join(dir, 'answers.json')
  writeFileSync(path, JSON.stringify(answers))
  return path
}

interface Answer {
  items?: object[]
  snapshot?: object
}
