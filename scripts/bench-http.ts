import { tmpdir } from 'node:os'
import { writePart } from './bench/document.ts'
import { measureHttp } from './bench/http/index.ts'
import { withScratch } from './scratch.ts'

/** `npm run bench:http`: the server over HTTP next to a bare one on the same SDK. Some six minutes on an idle machine. */
await withScratch(tmpdir(), async (dir, signal) => {
  const text = await measureHttp(dir, signal, (line) => void process.stderr.write(`${line}\n`))
  process.stdout.write(`${text}\n`)
  writePart('http', text)
})
