import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../../test/support/redis.ts'

/** A server that listens on loopback, ended with the signal that it was started with. */
export interface Listener {
  origin: string
  pid: number
  /** What it said until it listened. */
  said: readonly string[]
  stop(): Promise<void>
}

/** Runs node on a server that says on stderr, in a line of JSON, which port it got. */
export async function startNode(args: readonly string[], signal: AbortSignal): Promise<Listener> {
  signal.throwIfAborted()
  const child = spawn(process.execPath, args, {
    cwd: '/',
    env: { PATH: process.env.PATH ?? '' },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const stop = endOf(child, signal)
  const said: string[] = []
  for await (const line of createInterface({ input: child.stderr! })) {
    said.push(line)
    const [, port] = /"port":(\d+)/.exec(line) ?? []
    if (port === undefined) continue
    // What it says from now on is not waited for, and must not stop it.
    child.stderr!.resume()
    return { origin: `http://127.0.0.1:${port}`, pid: child.pid!, said, stop }
  }
  throw new Error(`${args[0]} did not listen:\n${said.join('\n')}`)
}

/** A Redis that keeps nothing on the disk. Undefined where it is not installed. */
export async function startRedis(dir: string, signal: AbortSignal): Promise<{ url: string } | undefined> {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' })
  } catch {
    return undefined
  }
  const port = await freePort()
  mkdirSync(dir)
  const place = ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir]
  const child = spawn('redis-server', [...place, '--save', '', '--appendonly', 'no'], { stdio: 'ignore' })
  endOf(child, signal)
  while (!isUp(port)) {
    if (child.exitCode !== null) throw new Error('redis-server did not start')
    await sleep(20)
  }
  return { url: `redis://127.0.0.1:${port}` }
}

function isUp(port: number): boolean {
  try {
    execFileSync('redis-cli', ['-p', String(port), 'PING'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** How to end a process, which also ends when the run is interrupted. */
function endOf(child: ChildProcess, signal: AbortSignal): () => Promise<void> {
  const exit = once(child, 'exit')
  const kill = () => void child.kill('SIGKILL')
  signal.addEventListener('abort', kill)
  void exit.then(() => signal.removeEventListener('abort', kill))
  return async () => {
    child.kill('SIGTERM')
    await exit
  }
}

/** Resident memory, in bytes. */
export function residentMemory(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) * 1024
}

export const openFiles = (pid: number): number => readdirSync(join('/proc', String(pid), 'fd')).length
