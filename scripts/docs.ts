import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { everyProvider } from './every-provider.ts'
import {
  accessSchema,
  accessTable,
  capabilityTable,
  configurationTable,
  credentialTable,
  errorTable,
  policySchema,
  policyTable,
  toolDetails,
  toolTable,
} from './tables.ts'

/**
 * Fills the parts of the documents that follow from the code, between `<!-- generated:NAME -->` and
 * `<!-- /generated -->`, and writes the files that follow from it as a whole. With `--check` it writes nothing and fails when something is out of date.
 */
const root = dirname(dirname(fileURLToPath(import.meta.url)))

const DOCUMENTS: Record<string, Record<string, () => string>> = {
  'README.md': { tools: toolTable, configuration: configurationTable },
  'docs/tools.md': { tools: toolDetails },
  'docs/configuration.md': {
    configuration: configurationTable,
    credentials: credentialTable,
    policy: policyTable,
  },
  'docs/errors.md': { errors: errorTable },
  'docs/http.md': { access: accessTable },
  ...Object.fromEntries(
    (await everyProvider()).map(({ name, capabilities }) => [
      `docs/providers/${name}.md`,
      { capabilities: () => capabilityTable(capabilities) },
    ]),
  ),
}

/** Files that are generated as a whole. */
const FILES: Record<string, () => string> = {
  'docs/access.schema.json': accessSchema,
  'docs/policy.schema.json': policySchema,
}

const check = process.argv.includes('--check')
const complaints = [
  ...Object.entries(DOCUMENTS).flatMap(([file, parts]) => bring(file, parts)),
  ...Object.entries(FILES).flatMap(([file, content]) => replace(file, content())),
]
for (const complaint of complaints) process.stderr.write(`${complaint}\n`)
process.exitCode = complaints.length > 0 ? 1 : 0

/** Brings one document up to date, or says what is wrong with it. */
function bring(file: string, parts: Record<string, () => string>): string[] {
  const path = join(root, file)
  if (!existsSync(path)) return [`${file} does not exist`]
  const before = readFileSync(path, 'utf8')
  const missing: string[] = []
  let after = before
  for (const [name, content] of Object.entries(parts)) {
    const [opening, closing] = [`<!-- generated:${name} -->`, '<!-- /generated -->']
    const start = after.indexOf(opening)
    const end = after.indexOf(closing, start)
    if (start < 0 || end < 0) missing.push(`${file} has no part ${opening} ... ${closing}`)
    else after = `${after.slice(0, start)}${opening}\n${content()}\n${after.slice(end)}`
  }
  if (missing.length > 0) return missing
  return replace(file, after)
}

function replace(file: string, after: string): string[] {
  const path = join(root, file)
  const before = existsSync(path) ? readFileSync(path, 'utf8') : undefined
  if (after === before) return []
  if (check) return [`${file} is out of date: run npm run docs`]
  writeFileSync(path, after)
  return []
}
