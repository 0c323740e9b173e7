import type { Config } from '../config.ts'
import { listTools } from '../mcp/list-tools.ts'
import { REMOTE } from '../providers/index.ts'

/** The tools that a client would get with this configuration: for people as a table, or the JSON of `tools/list`. */
export function toolsText({ readOnly, providers }: Config, json: boolean): string {
  const tools = listTools({ readOnly, providers, openWorld: providers.some((name) => REMOTE.has(name)) })
  if (json) return `${JSON.stringify({ tools }, undefined, 2)}\n`
  return tools.map(({ name, description }) => `${name.padEnd(18)}  ${description}\n`).join('')
}
