import { mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { resolve } from 'node:path'
import { bundleInto } from '../test/support/bundle.ts'
import { writePart } from './bench/document.ts'
import { createLumber } from './bench/engine/lumber.ts'
import { measure } from './bench/engine/measure.ts'
import { type Options, PARTS, parseOptions, USAGE } from './bench/engine/options.ts'
import { report } from './bench/engine/report.ts'
import { measureScaling } from './bench/engine/scaling.ts'
import { WORKSPACES } from './bench/engine/workspaces.ts'
import { ours } from './bench/ours.ts'
import { withScratch } from './scratch.ts'

/**
 * `npm run bench:engine`: the local engine next to its peers on four trees, and how its cost grows. Prints, and
 * writes its part of docs/benchmarks.md when everything was measured. About 25 minutes on an idle machine.
 */
const say = (line: string) => void process.stderr.write(`${line}\n`)

async function main({ only, rounds, dir: kept }: Options): Promise<void> {
  const parent = resolve(kept ?? tmpdir())
  mkdirSync(parent, { recursive: true })
  await withScratch(parent, async (dir, signal) => {
    const bundle = bundleInto(dir)
    const cache = kept === undefined ? dir : parent
    const setting = { dir, cache, own: ours(bundle), lumber: createLumber(dir), rounds, signal, say }
    const measured = []
    for (const workspace of WORKSPACES)
      if (only.has(workspace.name)) measured.push(await measure(workspace, setting))
    const scaling = only.has('scaling') ? await measureScaling({ dir, bundle, signal }, say) : undefined
    const text = report(measured, scaling, dir)
    process.stdout.write(`${text}\n`)
    if (only.size === PARTS.length) writePart('engine', text)
  })
}

let options: Options | undefined
try {
  options = parseOptions(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n\n${USAGE}`)
  process.exitCode = 2
}
if (options) await main(options)
