import { spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { specFile, vendorCommand } from './vendor.ts'

export interface Prism {
  /** Where to send requests to, in place of the upstream. */
  url: string
  /**
   * What it found wrong with the requests and answers so far, as it logged it. `lenient`: but for refusals with a status
   * that the description does not speak of, where it is one that leaves most of them out.
   */
  violations(how?: 'lenient'): Promise<string[]>
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
    async violations(how) {
      // Its log comes late: a last, wrong request shows that everything before it has been written.
      const mark = `/the-end-${++marks}`
      await fetch(url + mark)
      await log.until(`${mark} `)
      let status = 0
      return log.lines.filter((line) => {
        status = Number(/ has returned (\d+)$/.exec(line)?.[1] ?? status)
        const unspoken = status >= 400 && line.includes('Unable to match the returned status code')
        if (line.includes('/the-end-') || (how === 'lenient' && unspoken)) return false
        return /Violation|prism\/errors#/.test(line)
      })
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

/** For what has to be told a port: one that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}
