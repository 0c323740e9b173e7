import { pipeline, Writable } from 'node:stream'
import { StdioServerTransport, serveStdio } from '@modelcontextprotocol/server/stdio'
import { createLineGuard, LINE_LIMIT } from './line-guard.ts'
import { createMcpServer, type ServerOptions } from './server.ts'

/** How long a call that runs may take to come to an end after the client is gone, in milliseconds. */
const GRACE_MS = 10_000

/**
 * Serves MCP on stdin and stdout until the client closes stdin, stops reading, or a signal arrives. Resolves when
 * every running call has ended (they are told to stop at once) or the grace is over.
 */
export async function serveOnStdio(options: ServerOptions): Promise<void> {
  const { log } = options
  const running = new Set<Promise<unknown>>()
  const watch = (call: Promise<unknown>) => {
    const settled = call.catch(() => {}).finally(() => running.delete(settled))
    running.add(settled)
  }

  const output = reserveStdout((text) => log.warn('Stray output', { text }))
  const input = pipeline(process.stdin, createLineGuard(output), (error) => {
    if (error) log.debug('stdin was left', { error })
  })
  const transport = new StdioServerTransport(input, output, { maxBufferSize: LINE_LIMIT + 1 })
  const handle = serveStdio(({ era }) => createMcpServer({ ...options, running: watch }, era), {
    transport,
    onerror: (error) => log.warn('Transport error', { error }),
  })

  const ended = new Promise<string>((resolve) => {
    // The transport closes when stdin ends and when stdout breaks (EPIPE).
    const { onclose } = transport
    transport.onclose = () => {
      onclose?.()
      resolve('transport closed')
    }
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve(signal))
  })

  const reason = await ended
  log.debug('Closing', { reason, running: running.size })
  await handle.close()
  // And with it stdin, which would hold the process.
  input.destroy()
  await Promise.race([Promise.all(running), new Promise((resolve) => setTimeout(resolve, GRACE_MS).unref())])
}

/**
 * Keeps stdout for the protocol: returns the only stream that still writes there, and hands whatever else is printed,
 * by a dependency or by `console`, to `stray`.
 */
function reserveStdout(stray: (text: string) => void): Writable {
  const write = process.stdout.write.bind(process.stdout)
  process.stdout.write = ((chunk: string | Uint8Array, ...rest: unknown[]) => {
    stray(Buffer.from(chunk as Uint8Array).toString('utf8'))
    const done = rest.find((argument) => typeof argument === 'function')
    if (done !== undefined) process.nextTick(done)
    return true
  }) as typeof process.stdout.write
  // The stream below tells whoever writes; without a listener of its own the broken pipe would end the process.
  process.stdout.on('error', () => {})
  return new Writable({
    decodeStrings: false,
    write: (chunk: string, encoding, done) => void write(chunk, encoding, done),
  })
}
