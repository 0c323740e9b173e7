import { spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { specFile, vendorCommand } from './vendor.ts'

export interface Prism {
  /** Where to send requests to, in place of the upstream. */
  url: string
  /** What it found wrong with the requests and answers so far, as it logged it. */
  violations(): Promise<string[]>
  stop(): Promise<void>
}

/**
 * Puts a validating proxy in front of a server. What does not match the API description, in either direction, becomes
 * an error answer, and is on its log.
 */
export async function startPrism(spec: string, upstream: string): Promise<Prism> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const child = spawn(
    process.execPath,
    [vendorCommand('prism'), 'proxy', specFile(spec), upstream, '--errors', '--port', String(port)],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  const exit = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const log = lineLog(child.stdout)
  const errors = lineLog(child.stderr)
  await Promise.race([
    log.until('Prism is listening'),
    exit.then(() => {
      throw new Error(`Prism did not start:\n${[...log.lines, ...errors.lines].join('\n')}`)
    }),
  ])
  let marks = 0
  return {
    url,
    async violations() {
      // Its log comes late: a last, wrong request shows that everything before it has been written.
      const mark = `/the-end-${++marks}`
      await fetch(url + mark)
      await log.until(`${mark} `)
      return log.lines.filter((line) => /Violation|prism\/errors#/.test(line) && !line.includes('/the-end-'))
    },
    async stop() {
      child.kill()
      await exit
    },
  }
}

function lineLog(input: NodeJS.ReadableStream) {
  const lines: string[] = []
  const waiting: { text: string; resolve(): void }[] = []
  createInterface({ input }).on('line', (line) => {
    lines.push(line)
    for (const { text, resolve } of waiting) if (line.includes(text)) resolve()
  })
  return {
    lines,
    /** Resolves when a line with this text has come. */
    until: (text: string) =>
      new Promise<void>((resolve) => {
        if (lines.some((line) => line.includes(text))) resolve()
        else waiting.push({ text, resolve })
      }),
  }
}

/** Prism has to be told a port: one that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}
