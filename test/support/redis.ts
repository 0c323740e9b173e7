import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { onTestFinished } from 'vitest'
import { describeWith } from './needs.ts'

export interface TestRedis {
  url: string
  /** Ends it in good order. */
  stop(): Promise<void>
  /** Kills it: what it has not written to its disk is lost. */
  kill(): Promise<void>
  /** Starts it again where it was, with what it has kept. */
  start(): Promise<void>
  /** It accepts connections and says nothing, until it is resumed. */
  pause(): void
  resume(): void
  /** Runs a command, as an operator does. */
  cli(...command: string[]): string
}

export interface RedisOptions {
  /** Writes everything to its disk before it answers, or nothing at all. */
  keeps?: boolean
  /** More of its configuration, as arguments. */
  more?: string[]
}

/** A Redis of the running test, on 127.0.0.1 only. It takes some 30 ms to start, so that no two tests need share one. */
export async function startRedis({ keeps = true, more = [] }: RedisOptions = {}): Promise<TestRedis> {
  const directory = mkdtempSync(join(tmpdir(), 'snapshot-mcp-redis-'))
  const port = await freePort()
  let server: ChildProcess

  const start = async () => {
    const place = ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory]
    const persistence = ['--save', '', '--appendonly', keeps ? 'yes' : 'no', '--appendfsync', 'always']
    server = spawn('redis-server', [...place, ...persistence, ...more], { stdio: 'ignore' })
    await answers(port, server)
  }
  const end = async (signal: NodeJS.Signals) => {
    if (server.exitCode !== null || server.signalCode !== null) return
    const ended = once(server, 'exit')
    server.kill('SIGCONT')
    server.kill(signal)
    await ended
  }
  onTestFinished(async () => {
    await end('SIGKILL')
    rmSync(directory, { recursive: true, force: true })
  })
  await start()
  return {
    url: `redis://127.0.0.1:${port}`,
    start,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    pause: () => void server.kill('SIGSTOP'),
    resume: () => void server.kill('SIGCONT'),
    cli: (...command) =>
      execFileSync('redis-cli', ['-p', String(port), ...command], { encoding: 'utf8' }).trim(),
  }
}

const hasRedis = has('redis-server') && has('redis-cli')

/** `describe` for what needs a Redis. Where there is none the title says why nothing ran. */
export const describeWithRedis = (title: string, body: () => void) =>
  describeWith(hasRedis ? undefined : 'redis-server, which scripts/with-redis.sh installs', title, body)

let databases = 0

/** An empty database of the Redis that scripts/with-redis.sh has started; without that one, a Redis of the running test. */
export async function emptyRedis(): Promise<string> {
  const shared = process.env.SNAPSHOT_MCP_TEST_REDIS
  if (shared === undefined) return (await startRedis()).url
  const url = `${shared}/${databases++ % 16}`
  execFileSync('redis-cli', ['-u', url, 'FLUSHDB'], { stdio: 'ignore' })
  return url
}

function has(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  return port
}

/** Waits until it does more than listen: while it loads its data it answers with an error. */
async function answers(port: number, server: ChildProcess): Promise<void> {
  while (server.exitCode === null) {
    const socket = connect(port, '127.0.0.1')
    try {
      await once(socket, 'connect')
      socket.write('PING\r\n')
      const [answer] = (await once(socket, 'data')) as [Buffer]
      if (/^(\+PONG|-NOAUTH)/.test(answer.toString())) return
    } catch {
      // Not yet.
    } finally {
      socket.destroy()
    }
    await sleep(10)
  }
  throw new Error('redis-server did not start')
}
