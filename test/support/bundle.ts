import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, rmdirSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { PROJECT } from './server.ts'

const OUT = join(PROJECT, 'dist/snapshot-mcp.js')
const LOCK = join(PROJECT, 'node_modules/.snapshot-mcp-build')

/**
 * A copy of the published file in `dir`, which is built first when it is missing or older than the source. A copy,
 * so that a build that starts meanwhile does not pull the file away, and so that another user can run it.
 */
export function bundleInto(dir: string): string {
  const path = join(dir, 'snapshot-mcp.mjs')
  if (existsSync(path)) return path
  take(LOCK)
  try {
    build()
    // What the command loads when it needs it lies beside it.
    for (const file of readdirSync(dirname(OUT)).filter((name) => name.endsWith('.mjs')))
      copyFileSync(join(dirname(OUT), file), join(dir, file))
    copyFileSync(OUT, path)
  } finally {
    rmdirSync(LOCK)
  }
  chmodSync(path, 0o755)
  return path
}

/** Builds dist/ unless it is newer than everything it is made from. */
export function build(): void {
  if (!isStale()) return
  const tsx = createRequire(import.meta.url).resolve('tsx')
  execFileSync(process.execPath, ['--import', tsx, 'scripts/build.ts'], { cwd: PROJECT, stdio: 'pipe' })
}

function isStale(): boolean {
  if (!existsSync(OUT)) return true
  const sources = readdirSync(join(PROJECT, 'src'), { recursive: true, encoding: 'utf8' }).map(
    (path) => `src/${path}`,
  )
  const newest = Math.max(
    ...[...sources, 'scripts/build.ts', 'package.json'].map((path) => statSync(join(PROJECT, path)).mtimeMs),
  )
  return newest > statSync(OUT).mtimeMs
}

/** mkdir is the one atomic test-and-set that every file system has. */
function take(lock: string): void {
  const until = Date.now() + 60_000
  for (;;) {
    try {
      mkdirSync(lock)
      return
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      if (Date.now() > until) throw new Error(`Another build holds ${lock}; remove it if there is none.`)
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50)
    }
  }
}
