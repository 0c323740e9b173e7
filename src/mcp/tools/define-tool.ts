import type { z } from 'zod'
import type { Caller, Question } from '../../snapshots/caller.ts'
import type { Service } from '../../snapshots/service-api.ts'

/** What a tool does to the world. Hints and the read-only mode follow from it. */
export type Operation = 'read' | 'create' | 'update' | 'destructive'

export interface ToolSpec<Args extends z.ZodObject, Reply extends z.ZodType> {
  name: `snapshot_${string}`
  title: string
  /** ASCII, fixed, and beginning with the words an agent would search for. */
  description: string
  operation: Operation
  args: Args
  reply: Reply
  /** The fields of the reply whose own fields are spelled out in `tools/list`. */
  spelled?: readonly (keyof z.output<Reply> & string)[]
  run(service: Service, args: z.output<Args>, caller: Caller): Promise<z.output<Reply> | Question>
  /** What a person, or a model that sees no structured content, reads: ids, tokens and the next call included. */
  render(reply: z.output<Reply>): string
}

/** A tool whose types were checked where it was defined; the runner treats all tools alike. */
export interface Tool extends Omit<ToolSpec<z.ZodObject, z.ZodType>, 'run' | 'render' | 'spelled'> {
  spelled: readonly string[]
  run(service: Service, args: unknown, caller: Caller): Promise<object | Question>
  render(reply: unknown): string
}

export function defineTool<Args extends z.ZodObject, Reply extends z.ZodType>(
  spec: ToolSpec<Args, Reply>,
): Tool {
  return { spelled: [], ...spec } as Tool
}

/** What clients may show or act on. Never a guard: clients treat hints as untrusted, and so do we. */
export function hintsOf(operation: Operation, openWorld: boolean) {
  return {
    readOnlyHint: operation === 'read',
    destructiveHint: operation === 'destructive',
    idempotentHint: operation === 'read',
    openWorldHint: openWorld,
  }
}
