import { chmodSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Plugin } from 'esbuild'
import { TOOL_SCHEMAS } from '../src/mcp/tool-schemas.ts'
import { BUNDLING } from './bundling.ts'
import { licencesOf } from './licences.ts'

/**
 * Bundles the command into one file, and beside it what only some servers load. A server is started anew for every
 * session of a client, so what counts is the time from spawn to `tools/list`: mostly the parsing of code, which is why
 * code that cannot run is left out.
 */
const root = dirname(dirname(fileURLToPath(import.meta.url)))
const dist = join(root, 'dist')
/** Beside it, so that a build that fails leaves the one before as it is. */
const out = join(root, 'dist.new')

/** The contents to use for a module whose path matches, in place of its own. They lie where it lies. */
function instead(filter: RegExp, contents: string): Plugin {
  return {
    name: `instead of ${filter.source}`,
    setup: ({ onLoad }) => onLoad({ filter }, ({ path }) => ({ contents, resolveDir: dirname(path) })),
  }
}

/** Loads modules of Node where the code that uses them first runs: a static import in a bundle loads them at every start. */
const builtinsOnDemand: Plugin = {
  name: 'builtins on demand',
  setup({ onResolve, onLoad }) {
    const names = new RegExp(`^(?:node:.*|${builtinModules.join('|')})$`)
    onResolve({ filter: names }, ({ path }) => ({ path, namespace: 'builtin' }))
    onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)})`,
    }))
  },
}

/** What only servers over HTTP, with a Redis or a collector of traces need, and what of it. */
const APART: Record<string, string> = {
  '@redis/client': `export { createClient, ErrorReply } from '@redis/client'`,
  'prom-client': `export { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'`,
  './exporting.ts': `export { createExporting } from './src/tracing/exporting.ts'`,
}
const fileOf = (module: string) => `${module.replace(/^\.\/|\.ts$|@/g, '').replace('/', '-')}.mjs`

/** An import of the bundled command that is not made on demand would load the file at every start. */
const apart: Plugin = {
  name: 'apart',
  setup({ onResolve }) {
    const names = Object.keys(APART).map((name) => name.replaceAll('.', '\\.'))
    onResolve({ filter: new RegExp(`^(?:${names.join('|')})$`) }, ({ path, kind }) => {
      if (kind === 'dynamic-import') return { path: `./${fileOf(path)}`, external: true }
      return { errors: [{ text: `${path} has to be imported on demand` }] }
    })
  },
}

const UNDICI = `
  export { default as Agent } from './lib/dispatcher/agent.js'
  import request from './lib/api/api-request.js'
  const ask = ({ origin, pathname, search }, { dispatcher, ...options }) =>
    request.call(dispatcher, { ...options, origin, path: pathname + search })
  export { ask as request }
`

rmSync(out, { recursive: true, force: true })
const how = {
  absWorkingDir: root,
  ...BUNDLING,
  metafile: true,
} as const
const { metafile } = await build({
  ...how,
  entryPoints: [
    { in: 'src/cli.ts', out: 'snapshot-mcp' },
    // A thread is started from a file of its own.
    { in: 'src/providers/local/check-worker.ts', out: 'check-worker' },
  ],
  outdir: out,
  banner: { js: '#!/usr/bin/env node' },
  plugins: [
    apart,
    builtinsOnDemand,
    // Computed here instead of at every start.
    instead(/src\/mcp\/tool-schemas\.ts$/, `export const TOOL_SCHEMAS = ${JSON.stringify(TOOL_SCHEMAS)}`),
    // Messages are English; the other fifty languages are a fifth of the bundle.
    instead(/zod\/v4\/locales\/index\.js$/, `export { default as en } from 'zod/v4/locales/en.js'`),
    // The server passes its own JSON schema validator to the SDK, so the default one is never made.
    instead(/server\/dist\/ajvProvider-.*\.mjs$/, 'export const n = undefined, t = undefined'),
    // Of its many faces these two are used, over HTTP/1.1 and never with a form. An import of another one fails here.
    instead(/undici\/index\.js$/, UNDICI),
    instead(/undici\/lib\/web\/fetch\/body\.js$/, ''),
    instead(/undici\/lib\/dispatcher\/client-h2\.js$/, ''),
  ],
})

const beside = await Promise.all(
  Object.entries(APART).map(([module, contents]) =>
    build({
      ...how,
      stdin: { contents, resolveDir: root, loader: 'ts' },
      outfile: join(out, fileOf(module)),
      // Modules are left out where nobody needs them, which only those of ECMAScript allow.
      mainFields: ['module', 'main'],
      plugins: [builtinsOnDemand],
    }),
  ),
)

const command = join(out, 'snapshot-mcp.js')
// The package says that a .js is a module; whoever takes the two files elsewhere has no package.
renameSync(join(out, 'check-worker.js'), join(out, 'check-worker.mjs'))
chmodSync(command, 0o755)
const outputs = [metafile, ...beside.map((each) => each.metafile)].flatMap((each) =>
  Object.values(each.outputs),
)
const inputs = outputs.flatMap((each) => Object.keys(each.inputs))
writeFileSync(join(out, 'THIRD_PARTY_LICENSES.txt'), licencesOf(inputs, root))
const size = readFileSync(command).length
rmSync(dist, { recursive: true, force: true })
renameSync(out, dist)
process.stdout.write(`${join('dist', basename(command))}: ${size} bytes\n`)
