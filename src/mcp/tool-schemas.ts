import { TOOLS } from './tools/index.ts'
import { inputSchema, outputSchema } from './wire-schema.ts'

type Json = Record<string, unknown>

/** The wire schemas of every tool, by name. The build replaces this module by its own result: start-up computes none. */
export const TOOL_SCHEMAS: Record<string, { input: Json & { properties?: object }; output: Json }> =
  Object.fromEntries(
    TOOLS.map(({ name, args, reply, spelled }) => [
      name,
      { input: inputSchema(args), output: outputSchema(reply, spelled) },
    ]),
  )
