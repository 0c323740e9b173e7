import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

/**
 * Prints what a validator needs of an API description: without prose, examples, and parts that nothing refers to.
 *
 *   npx tsx scripts/reduce-spec.ts DESCRIPTION.yaml "where it comes from" >test/emulators/specs/NAME.openapi.json
 *
 * Needs what scripts/test-vendor.sh installs.
 */

type Node = Record<string, unknown>

/** Maps whose keys are names, so that one that reads like a keyword is none. */
const NAMED = new Set(
  ['paths', 'properties', 'patternProperties', 'headers', 'content', 'responses', 'mapping'].concat([
    'schemas',
    'parameters',
    'requestBodies',
    'securitySchemes',
  ]),
)
const PROSE = new Set(
  ['summary', 'description', 'title', 'operationId', 'tags', 'externalDocs', 'example', 'examples'].concat(
    'deprecated',
  ),
)
/** Their values are data. */
const LITERAL = new Set(['enum', 'const', 'default', 'required'])

function reduced(node: unknown, names = false): unknown {
  if (Array.isArray(node)) return node.map((one) => reduced(one))
  if (typeof node !== 'object' || node === null) return node
  const kept = Object.entries(node).filter(([key]) => names || !(PROSE.has(key) || key.startsWith('x-')))
  return Object.fromEntries(
    kept.map(([key, value]) => {
      if (!names && LITERAL.has(key)) return [key, value]
      if (!names && key === 'responses') return [key, responses(value as Node)]
      return [key, reduced(value, !names && NAMED.has(key))]
    }),
  )
}

/** A response is not valid without a description. */
function responses(all: Node): Node {
  const described = (one: unknown) =>
    typeof one === 'object' && one !== null && '$ref' in one ? one : { description: '', ...(one as Node) }
  return Object.fromEntries(
    Object.entries(all).map(([status, response]) => [status, described(reduced(response))]),
  )
}

/** Leaves in only the components that the paths lead to. */
function connected(document: Node): Node {
  const all = document.components as Record<string, Node>
  const reached = new Set<string>()
  const follow = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return
    for (const [key, value] of Object.entries(node)) {
      if (key !== '$ref' || reached.has(String(value))) follow(value)
      else {
        reached.add(String(value))
        const [kind, name] = String(value).replace('#/components/', '').split('/') as [string, string]
        follow(all[kind]?.[name])
      }
    }
  }
  follow(document.paths)
  const components = Object.entries(all).map(([kind, parts]) => {
    const used = ([name]: [string, unknown]) =>
      kind === 'securitySchemes' || reached.has(`#/components/${kind}/${name}`)
    return [kind, Object.fromEntries(Object.entries(parts).filter(used))] as const
  })
  return {
    ...document,
    components: Object.fromEntries(components.filter(([, parts]) => Object.keys(parts).length > 0)),
  }
}

const [file, origin] = process.argv.slice(2)
if (file === undefined || origin === undefined) throw new Error('usage: reduce-spec DESCRIPTION.yaml ORIGIN')
const { parse } = createRequire(new URL('../test/vendor/package.json', import.meta.url))('yaml')
const document: Node = parse(readFileSync(file, 'utf8'))
const { title, version } = document.info as Node
const info = {
  title,
  version,
  'x-origin': origin,
  'x-changes': 'Reduced by scripts/reduce-spec.ts; see README.md.',
}
process.stdout.write(`${JSON.stringify({ ...connected(reduced(document) as Node), info }, null, 1)}\n`)
