import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { PROJECT } from '../../test/support/server.ts'
import type { Job, Report } from './operations.ts'
import { attach } from './strace.ts'

/** A driver that is about to begin. */
export interface Driver {
  pid: number
  /** Ids of its threads; two runs have the same ones in the same places. */
  threads: number[]
  /** Lets it begin, traced when strace's arguments are given. Undefined when it was killed. */
  go(strace?: readonly string[]): Promise<Report | undefined>
  /** For one that is not needed. */
  kill(): void
}

/** What takes longer than this hangs. */
const TIMEOUT_MS = 30_000

/** Bundles the driver into a fresh directory, so that a run costs no more than the start of Node. */
export async function bundleDriver(): Promise<string> {
  const outfile = join(mkdtempSync(join(tmpdir(), 'snapshot-mcp-driver-')), 'driver.mjs')
  await build({
    absWorkingDir: PROJECT,
    entryPoints: ['scripts/crash/driver.ts'],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20.18',
    format: 'esm',
    logLevel: 'error',
  })
  return outfile
}

/** Starts a driver that waits. One thread in the pool: strace counts calls a thread, and two runs should count alike. */
export async function startDriver(bundle: string, job: Job): Promise<Driver> {
  const child = spawn(process.execPath, [bundle, JSON.stringify(job)], {
    env: { ...process.env, UV_THREADPOOL_SIZE: '1', NODE_OPTIONS: '' },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  // Not `exit`: its last words may still be on their way then.
  const exit = once(child, 'close')
  const pid = child.pid as number
  let output = ''
  const hello = new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (text) => {
      output += text
      const end = output.indexOf('\n')
      if (end >= 0) resolve(output.slice(0, end))
    })
    exit.then(() => reject(new Error('the driver left before it began')))
  })
  child.stdin.on('error', () => {})
  const { threads } = JSON.parse(await hello) as { threads: number[] }
  return {
    pid,
    threads: threads.sort((a, b) => a - b),
    async go(strace) {
      const tracer = strace && (await attach(strace))
      const traced = tracer && once(tracer, 'exit')
      const timer = setTimeout(() => child.kill('SIGKILL'), TIMEOUT_MS)
      child.stdin.end('\n')
      const [code, signal] = await exit
      clearTimeout(timer)
      await traced
      if (signal === 'SIGKILL') return undefined
      const said = output.trim().split('\n')[1]
      if (code === 0 && said) return JSON.parse(said) as Report
      // It fell over without a word: that is no answer either.
      const message = `the process ended with ${signal ?? `code ${code}`} and no answer`
      return { ok: false, code: 'DIED', message, outcome: 'unknown', typed: false }
    },
    kill: () => child.kill('SIGKILL'),
  }
}
