import { mkdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from '../test/support/bundle.ts'
import { PROJECT } from '../test/support/server.ts'
import { machine } from './bench/machine.ts'
import { measureRounds } from './bench/rounds.ts'
import { measureStarts } from './bench/start.ts'

/** `npm run bench`: measures, prints and writes docs/benchmarks.md. Takes a few minutes on an idle machine. */
const say = (line: string) => void process.stderr.write(`${line}\n`)

build()
say('starts')
const starts = await measureStarts()
const rounds = await measureRounds(say)
const report = `# Benchmarks

Written by \`npm run bench\`. Absolute times depend on the machine and its hour: compare within a table only.

${machine(tmpdir())
  .map((line) => `- ${line}`)
  .join('\n')}

## What a session costs before it does anything

Processes are started in turn, with a warm page cache; bytes and tokens (o200k) are those of the JSON of the tool list.

${starts}

## Saving and restoring

${rounds}
`
mkdirSync(join(PROJECT, 'docs'), { recursive: true })
writeFileSync(join(PROJECT, 'docs/benchmarks.md'), report)
process.stdout.write(report)
