import { instructionsFor } from './instructions.ts'
import { isArgumentKnown, isToolKnown, knownTo } from './known-by.ts'
import { offersPrompts } from './prompts.ts'
import { TOOL_SCHEMAS } from './tool-schemas.ts'
import { hintsOf, type Tool } from './tools/define-tool.ts'
import { TOOLS } from './tools/index.ts'

export interface Offer {
  /** Only tools that change nothing. */
  readOnly: boolean
  /** Some enabled provider acts on systems beyond this machine. */
  openWorld: boolean
  /** Names of the enabled providers. */
  providers: readonly string[]
}

/** The tools that are of use, each with the arguments that are. */
export function offeredTools({ readOnly, providers }: Offer): readonly Tool[] {
  return TOOLS.filter(
    ({ name, operation }) => isToolKnown(name, providers) && (!readOnly || operation === 'read'),
  ).map((tool) => knownTo(tool, providers))
}

/** A tool as `tools/list` gives it. */
export function listing({ name, title, description, operation }: Tool, { openWorld, providers }: Offer) {
  const { input, output } = TOOL_SCHEMAS[name]!
  const known = Object.entries(input.properties ?? {}).filter(([key]) =>
    isArgumentKnown(name, key, providers),
  )
  const inputSchema = { ...input, properties: Object.fromEntries(known) }
  const annotations = hintsOf(operation, openWorld)
  return { name, title, description, inputSchema, annotations, outputSchema: output }
}

export const listTools = (offer: Offer) => offeredTools(offer).map((tool) => listing(tool, offer))

/** What a server says of its tools, worked out once for the many servers that a face makes. */
export interface Menu {
  tools: readonly { tool: Tool; shown: ReturnType<typeof listing> }[]
  instructions: string
  /** Whether the prompts are of use. */
  prompts: boolean
}

export function createMenu(offer: Offer): Menu {
  const offered = offeredTools(offer)
  return {
    tools: offered.map((tool) => ({ tool, shown: listing(tool, offer) })),
    instructions: instructionsFor(offered),
    prompts: offersPrompts(offered),
  }
}
