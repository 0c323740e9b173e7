import { join } from 'node:path'
import { buildSync } from 'esbuild'
import { PROJECT } from './server.ts'

/** Bundles a script of the tests into `directory`, for what is started so often that tsx would be most of the time. */
export function bundleScript(entry: string, directory: string): string {
  const outfile = join(directory, 'script.mjs')
  buildSync({
    entryPoints: [join(PROJECT, entry)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)",
    },
  })
  return outfile
}
