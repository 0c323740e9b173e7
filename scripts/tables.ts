import { z } from 'zod'
import { flagOf } from '../src/cli/help.ts'
import { SETTINGS, type Setting } from '../src/config/settings.ts'
import { PolicyFile } from '../src/guard/policy-file.ts'
import { listTools } from '../src/mcp/list-tools.ts'
import { TOOLS } from '../src/mcp/tools/index.ts'
import { ERROR_CODES, type ErrorCode, RESERVED } from '../src/snapshots/errors.ts'

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
  return listTools({ readOnly: false, openWorld: false })
    .map(({ name, description, inputSchema, outputSchema }) => {
      const { properties = {}, required = [] } = inputSchema as Property & { required?: string[] }
      const rows = Object.entries(properties).map(([argument, property]) => [
        `\`${argument}\`${required.includes(argument) ? ' (required)' : ''}`,
        typeOf(property),
        property.default === undefined ? '' : `\`${property.default}\``,
        property.description ?? '',
      ])
      const fields = Object.keys((outputSchema as Property).properties ?? {})
      const answer = `Result: ${fields.map((field) => `\`${field}\``).join(', ')}.`
      return [
        `### ${name}`,
        description,
        table(['Argument', 'Type', 'Default', 'Meaning'], rows),
        answer,
      ].join('\n\n')
    })
    .join('\n\n')
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

/** For editors, and for whoever writes policies by program. */
export function policySchema(): string {
  const { $schema, ...schema } = z.toJSONSchema(PolicyFile, { io: 'input', unrepresentable: 'any' })
  const title = 'Policy file of snapshot-mcp'
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
