import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'

/** Attaches to a thread (or with `-f` to all of a process) and resolves once it is traced. */
export async function attach(args: readonly string[]): Promise<ChildProcess> {
  const tracer = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  await new Promise<void>((resolve, reject) => {
    tracer.on('error', reject)
    tracer.on('exit', () => reject(new Error(`strace: ${said.trim()}`)))
    tracer.stderr.on('data', (text) => {
      said += text
      if (said.includes(' attached')) resolve()
    })
  })
  return tracer
}

/** Why nothing can be traced here, fit for the name of a skipped test; undefined when it can. */
export async function cannotTrace(): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'only Linux has strace'
  if (spawnSync('strace', ['--version']).error) return 'strace is not installed (scripts/test-tools.sh)'
  const victim = spawn('sleep', ['10'])
  try {
    // To a process that is no child of the tracer: that is what the sweeps do, and what a kernel may refuse.
    const tracer = await attach(['-o', '/dev/null', '-e', 'trace=none', '-p', String(victim.pid)])
    victim.kill('SIGKILL')
    await once(tracer, 'exit')
    return undefined
  } catch {
    return 'ptrace is not permitted (kernel.yama.ptrace_scope, or the container)'
  } finally {
    victim.kill('SIGKILL')
  }
}

/** One system call of a trace made with `-xx -y`. */
export interface Call {
  thread: number
  name: string
  /** Which call of this name it is in its thread, from 1: what strace calls `when`. */
  nth: number
  args: string[]
  /** `?` when the process did not live to see it. */
  result: string
  injected: boolean
}

const LINE = /^(?:(\d+) +)?(\w+)\((.*)\) += (.*)$/
const RESUMED = /^(?:(\d+) +)?<\.\.\. \w+ resumed>(.*)$/

/** Calls in the order in which they ended. Without `-f` a trace names no threads: they come as 0. */
export function parseTrace(text: string): Call[] {
  const begun = new Map<string, string>()
  const counts = new Map<string, number>()
  const calls: Call[] = []
  for (const raw of text.split('\n')) {
    let line = raw
    const resumed = RESUMED.exec(raw)
    if (resumed) line = `${begun.get(resumed[1] ?? '') ?? ''}${resumed[2]}`
    const unfinished = line.indexOf(' <unfinished ...>')
    if (unfinished >= 0 && !line.includes(' = ?')) {
      begun.set(/^\d*/.exec(line)?.[0] ?? '', line.slice(0, unfinished))
      continue
    }
    const match = LINE.exec(line.replace(' <unfinished ...>', ''))
    if (!match) continue
    const [, thread = '0', name = '', args = '', result = ''] = match
    const key = `${thread} ${name}`
    const nth = (counts.get(key) ?? 0) + 1
    counts.set(key, nth)
    const injected = result.includes('(INJECTED)')
    calls.push({ thread: Number(thread), name, nth, args: args.split(', '), result, injected })
  }
  return calls
}

/** The bytes of a hexadecimal string literal of a trace. */
export function bytesOf(literal: string): Buffer {
  return Buffer.from(literal.slice(literal.indexOf('"')).replaceAll(/[^0-9a-f]/g, ''), 'hex')
}

/** The number and the path in `17<...>`; the path has a character a byte. */
export function descriptor(text: string): { fd: number; path: string } | undefined {
  const match = /^(\d+|AT_FDCWD)<(.*)>$/.exec(text)
  return match ? { fd: Number(match[1]), path: bytesOf(`"${match[2]}`).toString('latin1') } : undefined
}
