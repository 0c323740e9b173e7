import { z } from 'zod'
import { PROVIDER_NAMES } from '../providers/index.ts'
import type { Tool } from './tools/define-tool.ts'

/**
 * The tools, and the arguments of tools, that mean something to these providers only. A list of tools is asked for
 * before any provider is loaded, so it is told here; a test holds it against what the providers say of themselves.
 */
const ONLY: Readonly<Record<string, readonly string[]>> = {
  'snapshot_create.confirmation': ['digitalocean'],
  snapshot_diff: ['local'],
  'snapshot_restore.paths': ['local'],
  snapshot_undo: ['local', 'digitalocean'],
  'snapshot_update.active': ['daytona'],
  'snapshot_update.add_regions': ['digitalocean'],
}

/** Whether a tool is of use with these providers. */
export const isToolKnown = (tool: string, enabled: readonly string[]) => isAmong(ONLY[tool], enabled)

/** Whether an argument is: one that is named after a provider belongs to that one. */
export function isArgumentKnown(tool: string, argument: string, enabled: readonly string[]): boolean {
  return isAmong(PROVIDER_NAMES.includes(argument) ? [argument] : ONLY[`${tool}.${argument}`], enabled)
}

/** The tool with the arguments that mean something: any other is as unknown as a misspelt one. */
export function knownTo(tool: Tool, enabled: readonly string[]): Tool {
  const all = Object.entries(tool.args.shape)
  const known = all.filter(([name]) => isArgumentKnown(tool.name, name, enabled))
  if (known.length === all.length) return tool
  return { ...tool, args: z.strictObject(Object.fromEntries(known)) }
}

const isAmong = (known: readonly string[] | undefined, enabled: readonly string[]) =>
  known === undefined || known.some((name) => enabled.includes(name))
