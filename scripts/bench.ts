import { tmpdir } from 'node:os'
import { build } from '../test/support/bundle.ts'
import { writePart } from './bench/document.ts'
import { measureHttp } from './bench/http/index.ts'
import { machine } from './bench/machine.ts'
import { measureRounds } from './bench/rounds.ts'
import { measureStarts } from './bench/start.ts'
import { withScratch } from './scratch.ts'

/** `npm run bench`: measures, prints and writes its parts of docs/benchmarks.md. Some ten minutes on an idle machine. */
const say = (line: string) => void process.stderr.write(`${line}\n`)

build()
await withScratch(tmpdir(), async (dir, signal) => {
  say('starts')
  const starts = await measureStarts(dir, signal)
  const rounds = await measureRounds(dir, signal, say)
  const report = `## A session

Written by \`npm run bench\`.

${machine(dir)
  .map((line) => `- ${line}`)
  .join('\n')}

### What a session costs before it does anything

Processes are started in turn, with a warm page cache; bytes and tokens (o200k) are those of the JSON of the tool list.

${starts}

### Saving and restoring a tree of 10,000 files

${rounds}
`
  writePart('session', report)
  process.stdout.write(report)
  writePart('http', await measureHttp(dir, signal, say))
})
