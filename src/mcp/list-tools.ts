import { TOOL_SCHEMAS } from './tool-schemas.ts'
import { hintsOf, type Tool } from './tools/define-tool.ts'
import { TOOLS } from './tools/index.ts'

export interface Offer {
  /** Only tools that change nothing. */
  readOnly: boolean
  /** Some enabled provider acts on systems beyond this machine. */
  openWorld: boolean
}

export function offeredTools({ readOnly }: Offer): readonly Tool[] {
  return TOOLS.filter(({ operation }) => !readOnly || operation === 'read')
}

/** A tool as `tools/list` gives it. */
export function listing({ name, title, description, operation }: Tool, { openWorld }: Offer) {
  const { input, output } = TOOL_SCHEMAS[name]!
  const annotations = hintsOf(operation, openWorld)
  return { name, title, description, inputSchema: input, annotations, outputSchema: output }
}

export const listTools = (offer: Offer) => offeredTools(offer).map((tool) => listing(tool, offer))
