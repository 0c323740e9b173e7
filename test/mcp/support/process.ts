import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import type { Reply } from './connect.ts'

export const PROJECT = join(dirname(fileURLToPath(import.meta.url)), '../../..')
const TSX = createRequire(import.meta.url).resolve('tsx')

export interface Started {
  /** Every line so far. */
  stdout: string[]
  stderr: string[]
  send(...messages: (object | string)[]): void
  /** The answer to the request with this id. */
  reply(id: number): Promise<Reply>
  end(): void
  closeStdout(): void
  kill(signal: NodeJS.Signals): void
  exit: Promise<number | null>
}

export interface StartOptions {
  args?: string[]
  env?: Record<string, string>
  cwd?: string
}

/** Runs a TypeScript file as a process of its own, with nothing of our environment. */
export function start(file: string, { args = [], env = {}, cwd = PROJECT }: StartOptions = {}): Started {
  const child = spawn(process.execPath, ['--import', TSX, join(PROJECT, file), ...args], {
    cwd,
    env: { PATH: process.env.PATH ?? '', ...env },
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const stdout: string[] = []
  const stderr: string[] = []
  const replies = new Map<number, Reply>()
  const waiting = new Map<number, (reply: Reply) => void>()
  createInterface({ input: child.stdout }).on('line', (line) => {
    stdout.push(line)
    const reply = parse(line)
    if (reply === undefined) return
    replies.set(reply.id, reply)
    waiting.get(reply.id)?.(reply)
  })
  createInterface({ input: child.stderr }).on('line', (line) => stderr.push(line))
  child.stdin.on('error', () => {})
  return {
    stdout,
    stderr,
    send(...messages) {
      for (const message of messages)
        child.stdin.write(
          `${typeof message === 'string' ? message : JSON.stringify({ jsonrpc: '2.0', ...message })}\n`,
        )
    },
    reply: (id) =>
      new Promise((resolve) => {
        const early = replies.get(id)
        if (early) resolve(early)
        else waiting.set(id, resolve)
      }),
    end: () => void child.stdin.end(),
    closeStdout: () => void child.stdout.destroy(),
    kill: (signal) => void child.kill(signal),
    exit: new Promise((resolve) => child.once('close', resolve)),
  }
}

function parse(line: string): Reply | undefined {
  try {
    return JSON.parse(line)
  } catch {
    // What is not JSON is what the tests of stdout look for.
    return undefined
  }
}

export const initialize = (protocolVersion = '2025-11-25') => ({
  id: 1,
  method: 'initialize',
  params: { protocolVersion, capabilities: {}, clientInfo: { name: 'by-hand', version: '1' } },
})
