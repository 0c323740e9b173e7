import { currentRequest } from './request-context.ts'
import type { Log } from './snapshots/provider.ts'

const LEVELS = ['debug', 'info', 'warn', 'error'] as const
export type Level = (typeof LEVELS)[number]

export interface LogOptions {
  level: Level
  /** Takes one line with its line feed. stderr, never stdout: that one belongs to the protocol. */
  write(line: string): void
  /** Milliseconds. */
  clock?: () => number
}

/**
 * A log of JSON lines, each with the request that it was written for. Errors shrink to name, message and code; their
 * stacks show at level debug only.
 */
export function createLog({ level, write, clock = Date.now }: LogOptions): Log {
  const lowest = LEVELS.indexOf(level)
  const stacks = lowest === 0

  const at = (severity: Level) => (message: string, data?: Record<string, unknown>) => {
    if (LEVELS.indexOf(severity) < lowest) return
    const head = { time: new Date(clock()).toISOString(), level: severity, message, ...currentRequest() }
    write(`${serialize(head, data, stacks)}\n`)
  }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

function serialize(head: object, data: object | undefined, stacks: boolean): string {
  try {
    // The head again at the end: the order is that of the first, the values are those of the last.
    return JSON.stringify({ ...head, ...data, ...head }, (_key, value: unknown) => {
      if (value instanceof Error) return describe(value, stacks)
      return typeof value === 'bigint' ? value.toString() : value
    })
  } catch {
    // A log line must never be the reason why a call fails: data that cannot be written is left out.
    return JSON.stringify({ ...head, data: 'unserializable' })
  }
}

function describe(error: Error, stacks: boolean): Record<string, unknown> {
  const { name, message, stack, cause } = error
  const code = 'code' in error ? error.code : undefined
  return { name, message, code, ...(cause instanceof Error && { cause }), ...(stacks && { stack }) }
}
