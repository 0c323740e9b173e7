import { type ChildProcess, spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export const PROJECT = join(dirname(fileURLToPath(import.meta.url)), '../..')

export interface ServerOptions {
  /** SNAPSHOT_MCP_HOME: state and store. */
  home: string
  roots: string[]
  /** The bundled file, or the TypeScript source through tsx. */
  entry: { bundle: string } | 'source'
  /** Flags after `serve`. */
  args?: string[]
  env?: Record<string, string>
  /** Run as another user; only root may. */
  uid?: number
}

/** A server process as a client sees it: lines out, lines in, and everything it ever said. */
export interface ServerProcess {
  readonly pid: number
  readonly stdout: readonly string[]
  readonly stderr: readonly string[]
  readonly exit: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
  send(line: string): void
  /** Listens to the lines on stdout. Lines that came before the first listener are handed to it. */
  onLine(listener: (line: string) => void): void
  onExit(listener: () => void): void
  kill(signal?: NodeJS.Signals): Promise<void>
  /** Ends stdin, as a client that goes away does, and expects the server to leave by itself with code 0. */
  stop(): Promise<void>
}

export function startServer(options: ServerOptions): ServerProcess {
  const [node, ...args] = command(options)
  const child = spawn(node!, args, {
    cwd: '/',
    // Nothing of the developer's environment: no provider key, no HOME, no configuration may leak in.
    env: {
      PATH: process.env.PATH ?? '',
      HOME: join(options.home, 'nobody'),
      SNAPSHOT_MCP_HOME: options.home,
      SNAPSHOT_MCP_ROOTS: options.roots.join(':'),
      ...options.env,
    },
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
  })
  return wrap(child)
}

function command(options: ServerOptions): string[] {
  const flags = ['serve', ...(options.args ?? [])]
  if (options.entry !== 'source') return [process.execPath, options.entry.bundle, ...flags]
  const tsx = createRequire(import.meta.url).resolve('tsx')
  return [process.execPath, '--import', tsx, join(PROJECT, 'src/cli.ts'), ...flags]
}

function wrap(child: ChildProcess): ServerProcess {
  const stdout: string[] = []
  const stderr: string[] = []
  const listeners: ((line: string) => void)[] = []
  createInterface({ input: child.stdout!, crlfDelay: Number.POSITIVE_INFINITY }).on('line', (line) => {
    stdout.push(line)
    for (const listener of listeners) listener(line)
  })
  createInterface({ input: child.stderr! }).on('line', (line) => stderr.push(line))
  // A server that was killed makes the next write fail; the exit tells the test, not the pipe.
  child.stdin!.on('error', () => {})
  const exit = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve({ code, signal }))
  })
  exit.catch(() => {})
  return {
    pid: child.pid ?? -1,
    stdout,
    stderr,
    exit,
    send: (line) => void child.stdin!.write(`${line}\n`),
    onLine(listener) {
      if (listeners.length === 0) for (const line of stdout) listener(line)
      listeners.push(listener)
    },
    onExit: (listener) => void exit.then(listener, listener),
    async kill(signal = 'SIGKILL') {
      child.kill(signal)
      await exit
    },
    async stop() {
      child.stdin!.end()
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000)
      const { code, signal } = await exit
      clearTimeout(timer)
      if (code !== 0)
        throw new Error(`The server did not leave cleanly on EOF: ${signal ?? code}\n${stderr.join('\n')}`)
    },
  }
}

/** What breaks the rule of the two streams: stdout carries JSON-RPC messages, stderr JSON log lines, nothing else. */
export function impurities(server: ServerProcess): string[] {
  const bad: string[] = []
  for (const line of server.stdout)
    if ((parse(line) as { jsonrpc?: unknown } | undefined)?.jsonrpc !== '2.0') bad.push(`stdout: ${line}`)
  for (const line of server.stderr) if (typeof parse(line) !== 'object') bad.push(`stderr: ${line}`)
  return bad
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
