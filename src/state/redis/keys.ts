import type { Kind } from '../state-store.ts'

/**
 * Names of what is kept for a tenant, or for the server itself. The part in braces is all that a cluster looks at to find
 * where a key lives, so everything of a tenant lies together; it must not be empty.
 */
export interface Keys {
  record(kind: Kind, id: string): string
  /** Of all records of a kind, by when they were last written. */
  index(kind: Kind): string
  /** That a record was written, for who did not hear of it. */
  receipt(mark: string): string
  held(lock: string): string
  fence: string
  secret: string
  check: string
  visits(who: string): string
  /** Channels know no databases, so they carry the number of theirs. */
  changes(database: string): string
}

export function keysOf(tenant?: string): Keys {
  const home = tenant === undefined ? '{snapshot-mcp}' : `{snapshot-mcp/${tenant}}`
  return {
    record: (kind, id) => `${home}:${kind}:${id}`,
    index: (kind) => `${home}:${kind}`,
    receipt: (mark) => `${home}:receipt:${mark}`,
    held: (lock) => `${home}:held:${lock}`,
    fence: `${home}:fence`,
    secret: `${home}:secret`,
    check: `${home}:check`,
    visits: (who) => `${home}:visits:${who}`,
    changes: (database) => `${home}:changes:${database}`,
  }
}
