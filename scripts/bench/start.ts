import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { encode } from 'gpt-tokenizer/encoding/o200k_base'
import { PROJECT } from '../../test/support/server.ts'
import { median, milliseconds, quantile, table } from './numbers.ts'

const ROUNDS = 21
/** Time for a server to settle after its first answer before its memory is read. */
const IDLE_MS = 300

interface Contestant {
  name: string
  /** Arguments to node. */
  args: string[]
  /** Not a server: only the time to its end counts. */
  floor?: boolean
}

interface Start {
  ms: number
  rssKiB?: number
  tools?: object[]
}

/** Part 1: what a client waits for and pays with every session it opens. Returns Markdown. */
export async function measureStarts(dir: string, signal: AbortSignal): Promise<string> {
  const root = join(dir, 'empty')
  mkdirSync(root)
  const filesystem = join(PROJECT, 'node_modules/@modelcontextprotocol/server-filesystem/dist/index.js')
  const contestants: Contestant[] = [
    { name: '`node -e 0` (the floor)', args: ['-e', '0'], floor: true },
    {
      name: 'bare server, same SDK, one tool, unbundled',
      args: [join(PROJECT, 'scripts/bench/bare-server.mjs')],
    },
    {
      name: '**snapshot-mcp**',
      args: [join(PROJECT, 'dist/snapshot-mcp.js'), 'serve', '--root', root, '--home', join(dir, 'home')],
    },
    ...(existsSync(filesystem) ? [{ name: 'server-filesystem from npm', args: [filesystem, root] }] : []),
  ]
  const starts = new Map<Contestant, Start[]>(contestants.map((contestant) => [contestant, []]))
  for (const contestant of contestants) await start(contestant) // warms the page cache
  for (let round = 0; round < ROUNDS; round++)
    for (const contestant of contestants) {
      signal.throwIfAborted()
      starts.get(contestant)!.push(await start(contestant))
    }
  const rows = contestants.map((contestant) => row(contestant.name, starts.get(contestant)!))
  const head = ['spawn to `tools/list`', 'p50 ms', 'min', 'p90', 'RSS MiB', 'tools', 'bytes', 'tokens']
  const absent = existsSync(filesystem)
    ? []
    : ['@modelcontextprotocol/server-filesystem is not installed: not measured.']
  return [table(head, rows), ...absent].join('\n\n')
}

function row(name: string, starts: Start[]): string[] {
  const times = starts.map(({ ms }) => ms)
  const rss = starts.flatMap(({ rssKiB }) => rssKiB ?? [])
  const json = JSON.stringify(starts[0]?.tools ?? [])
  const tools = starts[0]?.tools
  return [
    name,
    ...[median(times), Math.min(...times), quantile(times, 0.9)].map(milliseconds),
    rss.length > 0 ? (median(rss) / 1024).toFixed(0) : '',
    ...(tools
      ? [String(tools.length), String(Buffer.byteLength(json)), String(encode(json).length)]
      : ['', '', '']),
  ]
}

/** Starts the process, asks for its tools without waiting for anything, and times the answer. */
async function start({ args, floor }: Contestant): Promise<Start> {
  const started = performance.now()
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'ignore'] })
  const exit = new Promise((resolve) => child.once('close', resolve))
  if (floor) {
    await exit
    return { ms: performance.now() - started }
  }
  const clientInfo = { name: 'bench', version: '1.0.0' }
  const messages = [
    { id: 1, method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo } },
    { method: 'notifications/initialized' },
    { id: 2, method: 'tools/list', params: {} },
  ]
  for (const message of messages) child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
  const tools = await new Promise<object[]>((resolve, reject) => {
    child.once('close', () => reject(new Error(`${args[0]} ended without listing its tools`)))
    createInterface({ input: child.stdout }).on('line', (line) => {
      const message = JSON.parse(line)
      if (message.id === 2) resolve(message.result.tools)
    })
  })
  const ms = performance.now() - started
  await new Promise((resolve) => setTimeout(resolve, IDLE_MS))
  const rssKiB = Number(execFileSync('ps', ['-o', 'rss=', '-p', String(child.pid)], { encoding: 'utf8' }))
  child.kill()
  await exit
  return { ms, rssKiB, tools }
}
