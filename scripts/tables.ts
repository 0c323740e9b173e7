import { z } from 'zod'
import { flagOf } from '../src/cli/help.ts'
import { AccessFile, OAuth, Tenant, Token } from '../src/config/access.ts'
import { CREDENTIALS } from '../src/config/credentials.ts'
import { SETTINGS, type Setting } from '../src/config/settings.ts'
import { PolicyFile } from '../src/guard/policy-file.ts'
import { isArgumentKnown, isToolKnown } from '../src/mcp/known-by.ts'
import { listTools } from '../src/mcp/list-tools.ts'
import { TOOLS } from '../src/mcp/tools/index.ts'
import { PROVIDER_NAMES } from '../src/providers/index.ts'
import { ERROR_CODES, type ErrorCode, RESERVED } from '../src/snapshots/errors.ts'
import type { Capabilities } from '../src/snapshots/provider.ts'

/** The generated parts of the documents, as Markdown. */

interface Property {
  type?: string
  enum?: string[]
  default?: unknown
  description?: string
  maximum?: number
  maxItems?: number
  items?: Property
  anyOf?: Property[]
  properties?: Record<string, Property>
}

export function toolTable(): string {
  return table(
    ['Tool', 'Changes', 'What it does'],
    TOOLS.map(({ name, operation, description }) => [`\`${name}\``, CHANGES[operation], description]),
  )
}

const CHANGES = { read: 'nothing', create: 'adds', update: 'updates', destructive: 'may destroy' } as const

export function toolDetails(): string {
  return listTools({ readOnly: false, openWorld: false, providers: PROVIDER_NAMES })
    .map(({ name, description, inputSchema, outputSchema }) => {
      const { properties = {}, required = [] } = inputSchema as Property & { required?: string[] }
      const rows = Object.entries(properties).map(([argument, property]) => [
        `\`${argument}\`${required.includes(argument) ? ' (required)' : ''}`,
        typeOf(property),
        property.default === undefined ? '' : `\`${property.default}\``,
        [property.description, only((provider) => isArgumentKnown(name, argument, [provider]))]
          .filter((part) => part)
          .join('. '),
      ])
      const fields = Object.keys((outputSchema as Property).properties ?? {})
      const answer = `Result: ${fields.map((field) => `\`${field}\``).join(', ')}.`
      return [
        `### ${name}`,
        [description, only((provider) => isToolKnown(name, [provider]))].filter((part) => part).join(' '),
        table(['Argument', 'Type', 'Default', 'Meaning'], rows),
        answer,
      ].join('\n\n')
    })
    .join('\n\n')
}

/** With which providers it is offered, unless with all. */
function only(isKnown: (provider: string) => boolean): string {
  const known = PROVIDER_NAMES.filter(isKnown)
  return known.length === PROVIDER_NAMES.length ? '' : `Only with ${words(known)}.`
}

export function configurationTable(): string {
  return table(
    ['Flag', 'Variable', 'Key', 'Default', 'Meaning'],
    (Object.entries(SETTINGS) as [string, Setting][]).map(([key, setting]) => [
      `\`${flagOf(setting)}\``,
      `\`${setting.variable}\``,
      `\`${key}\``,
      setting.fallback,
      setting.about,
    ]),
  )
}

export function credentialTable(): string {
  return table(
    ['Provider', 'Variable', 'Meaning'],
    CREDENTIALS.map(({ provider, variable, about }) => [`\`${provider}\``, `\`${variable}\``, about]),
  )
}

/** What a provider says of itself. */
export function capabilityTable(can: Capabilities): string {
  const { pattern, max } = can.names ?? {}
  const rows: [string, string][] = [
    ['Sources', words(can.source_kinds)],
    ['Of these only read', words(can.recipes)],
    ['What a snapshot holds', words(can.captures)],
    ['Said of a new snapshot', words(can.create)],
    ['Names', pattern === undefined ? 'any' : `at most ${max} characters, matching \`${pattern}\``],
    ['Restore', words(can.restore_modes)],
    ['Restore of some paths', yes(can.paths)],
    ['Several copies at once', yes(can.count)],
    ['Restore is read back', yes(can.verifies)],
    ['Diff', yes(can.diff)],
    ['Changed afterwards', words(can.update)],
    ['Delete', can.deletion === 'trash' ? 'into a trash, with undo' : 'for good'],
    ['Consistency', can.consistency],
  ]
  return table(['Capability', ''], rows)
}

const words = (all: readonly string[]) => all.map((each) => `\`${each}\``).join(', ') || 'none'
const yes = (is: boolean) => (is ? 'yes' : 'no')

export function policyTable(): string {
  const defaults: Record<string, unknown> = PolicyFile.parse({})
  return table(
    ['Key', 'Default', 'Meaning'],
    Object.entries(PolicyFile.shape).map(([key, schema]) => [
      `\`${key}\``,
      defaults[key] === undefined ? 'not set' : `\`${defaults[key]}\``,
      schema.description ?? '',
    ]),
  )
}

export function accessTable(): string {
  const parts = { 'tenants.NAME': Tenant, 'tokens[]': Token, oauth: OAuth }
  const top = Object.entries(AccessFile.shape).map(([key, { description = '' }]) => [
    `\`${key}\``,
    '',
    description,
  ])
  const rows = Object.entries(parts).flatMap(([part, { shape }]) =>
    Object.entries(shape).map(([key, schema]) => [
      `\`${part}.${key}\``,
      fallbackOf(schema),
      schema.description ?? '',
    ]),
  )
  return table(['Key', 'Default', 'Meaning'], [...top, ...rows])
}

function fallbackOf(schema: z.ZodType): string {
  const { success, data } = schema.safeParse(undefined)
  if (!success) return 'required'
  return data === undefined ? 'not set' : `\`${JSON.stringify(data)}\``
}

export const policySchema = () => schemaOf(PolicyFile, 'Policy file of snapshot-mcp')
export const accessSchema = () => schemaOf(AccessFile, 'Access file of snapshot-mcp')

/** For editors, and for whoever writes such files by program. */
function schemaOf(file: z.ZodType, title: string): string {
  const { $schema, ...schema } = z.toJSONSchema(file, { io: 'input', unrepresentable: 'any' })
  return `${JSON.stringify({ $schema, title, ...schema }, undefined, 2)}\n`
}

export function errorTable(): string {
  return table(
    ['Code', 'Meaning'],
    Object.entries(ERROR_CODES).map(([code, meaning]) => [
      `\`${code}\``,
      RESERVED.has(code as ErrorCode) ? `${meaning} Reserved: this version never answers it.` : meaning,
    ]),
  )
}

function typeOf({ type, enum: values, items, anyOf, properties, maximum, maxItems }: Property): string {
  if (values !== undefined) return values.map((value) => `\`${value}\``).join(', ')
  if (anyOf !== undefined) return anyOf.map(typeOf).join(' or ')
  if (properties !== undefined)
    return `object: ${Object.entries(properties)
      .map(([name, property]) => `\`${name}\` ${typeOf(property)}`)
      .join(', ')}`
  const limit = maximum ?? maxItems
  const bound = limit === undefined ? '' : `, at most ${limit}`
  return `${items === undefined ? type : `array of (${typeOf(items)})`}${bound}`
}

function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}
