import type { StandardSchemaWithJSON } from '@modelcontextprotocol/server'
import { z } from 'zod'

/**
 * The schemas an agent reads with every `tools/list`. They are made from the ones that validate, and say what an agent
 * needs to fill in a call; what only catches mistakes (patterns, text lengths, the bounds that zod puts on every
 * integer) stays with the validation, whose errors explain it. Every dropped word is saved in each conversation.
 */
type Json = Record<string, unknown>

const KEPT = ['type', 'enum', 'const', 'default', 'description', 'required'] as const

/** The arguments of a tool, with `additionalProperties: false` on every closed object. */
export function inputSchema(schema: z.ZodType): Json {
  return compact(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Json)
}

/**
 * The result of a tool: its fields, and those of the fields in `spelled`; what lies deeper is only called an object.
 * No field is required and no word is listed: clients of the v1 SDK hold errors against this schema too, and would hide
 * them, as they would hide a word that a later version adds.
 */
export function outputSchema(schema: z.ZodType, spelled: readonly string[]): Json {
  const { type, properties } = z.toJSONSchema(schema, { io: 'output', unrepresentable: 'any' }) as Json
  const fields = Object.entries((properties ?? {}) as Record<string, Json>)
  return {
    type,
    properties: Object.fromEntries(
      fields.map(([name, field]) => [name, spelled.includes(name) ? spell(field) : typeOf(field)]),
    ),
  }
}

function compact(node: Json): Json {
  const { properties, items, anyOf, additionalProperties, maximum, maxItems, ...rest } = node
  return {
    ...pick(
      rest,
      KEPT.filter((key) => key !== 'default' || rest.default !== false),
    ),
    ...(tells(maximum) && { maximum }),
    ...(tells(maxItems) && { maxItems }),
    ...(isJson(properties) && { properties: mapValues(properties, compact) }),
    ...(isJson(items) && { items: compact(items) }),
    ...(Array.isArray(anyOf) && union(anyOf.map(compact))),
    ...(additionalProperties === false && { additionalProperties }),
    ...(isJson(additionalProperties) && { additionalProperties: compact(additionalProperties) }),
  }
}

/** Members that look alike to a reader become one: two kinds of text are text. */
function union(members: Json[]): Json {
  const distinct = [...new Map(members.map((member) => [member.type, member])).values()]
  const [only, ...more] = distinct
  if (only !== undefined && more.length === 0) return pick(only, ['type'])
  return { anyOf: distinct }
}

const typeOf = ({ type }: Json) => ({ type })

function spell(node: Json): Json {
  const { type, properties, items } = node
  if (isJson(items)) return { type, items: spell(items) }
  return isJson(properties) ? { type, properties: mapValues(properties, typeOf) } : typeOf(node)
}

/**
 * What the SDK is given: the wire schema, and a validation that lets everything through. The runner validates, so that
 * a wrong argument is answered with the same typed error as everything else.
 */
export function unchecked(json: Json): StandardSchemaWithJSON<Record<string, unknown>> {
  const emit = () => json
  return {
    '~standard': {
      version: 1,
      vendor: 'snapshot-mcp',
      validate: (value) => ({ value: value as Record<string, unknown> }),
      jsonSchema: { input: emit, output: emit },
    },
  }
}

const isJson = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
/** A limit that a caller may well want to pass, as against one that only catches nonsense. */
const tells = (limit: unknown) => typeof limit === 'number' && limit <= 100

function pick(node: Json, keys: readonly string[]): Json {
  return Object.fromEntries(keys.filter((key) => key in node).map((key) => [key, node[key]]))
}

function mapValues(node: Json, change: (value: Json) => Json): Json {
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, change(value as Json)]))
}
