/**
 * What the sweeps break off. Each is one call of the provider in a process of its own: `first` is a create that makes
 * the store too, `copy` a restore to a new directory.
 */
export const OPERATIONS = [
  'first',
  'create',
  'restore',
  'copy',
  'delete',
  'undelete',
  'update',
  'purge',
] as const
export type Operation = (typeof OPERATIONS)[number]

/** What the driver is told. Ids are native ones. */
export interface Job {
  operation: Operation
  home: string
  roots: string[]
  /** The directory to capture. */
  root: string
  /** The snapshot to restore, delete, take back or change. */
  snapshot: string
  /** Where `copy` writes. */
  to: string
}

/** What the driver says when it lives to the end. */
export type Report =
  | { ok: true; warnings: string[] }
  | { ok: false; code: string; message: string; outcome: string; typed: boolean; raw?: string }

/** Names of what the driver probes with access(2), so that a trace shows how far it was. */
export const MARK = '/snapshot-mcp-crash-mark/'
/** `recorded`: the safety snapshot is promised to be durable. `returned`: the call has returned to its caller. */
export const MARKS = { start: 'start', recorded: 'recorded', returned: 'returned' } as const

/** The new text of the details that `update` writes. */
export const RENAMED = 'renamed'
