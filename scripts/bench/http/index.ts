import { setMaxListeners } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { startLoad } from './load.ts'
import { measureRates } from './measure.ts'
import { measureMemory } from './memory.ts'
import { report } from './report.ts'
import { startSides } from './sides.ts'

/** Part 3: what a request costs over HTTP, and whether many of them cost memory. Returns Markdown. */
export async function measureHttp(
  parent: string,
  interrupted: AbortSignal,
  say: (line: string) => void,
): Promise<string> {
  const dir = join(parent, 'http')
  mkdirSync(dir)
  const end = new AbortController()
  const signal = AbortSignal.any([interrupted, end.signal])
  // Each process that is started listens to it.
  setMaxListeners(0, signal)
  try {
    say('servers and snapshots')
    const sides = await startSides(dir, signal)
    const load = startLoad(signal)
    const rates = await measureRates(sides, load, say)
    say('memory')
    const memory = {
      ours: await measureMemory(sides, 'ours', load),
      base: await measureMemory(sides, 'base', load),
    }
    return report({ sides, rates, memory, dir })
  } finally {
    // Whatever was started ends with it, also where starting the next one failed.
    end.abort()
  }
}
