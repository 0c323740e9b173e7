import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { PROJECT } from '../../../test/support/server.ts'
import { BUNDLING } from '../../bundling.ts'

export const BARE = fileURLToPath(new URL('bare-server.mjs', import.meta.url))

/** The same server in one file, with the settings of our own bundle: what a bundler brings is no difference then. */
export async function bundleBare(dir: string): Promise<string> {
  const outfile = join(dir, 'bare-server.mjs')
  await build({
    absWorkingDir: PROJECT,
    entryPoints: [BARE],
    outfile,
    ...BUNDLING,
    logLevel: 'error',
  })
  return outfile
}
