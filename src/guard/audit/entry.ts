import { z } from 'zod'
import { digest } from '../digest.ts'

const Hash = z.string().regex(/^[0-9a-f]{64}$/)

/** What a crash or a full disk has left of earlier lines, between the entry before and this one. */
const Torn = z.object({ bytes: z.number().int().nonnegative(), sha256: Hash })
export type Torn = z.infer<typeof Torn>

const Entry = z.looseObject({
  v: z.literal(1),
  /** 1 for the first entry, then rising by one. */
  seq: z.number().int().positive(),
  at: z.iso.datetime(),
  /** The hash of the entry before. */
  prev: Hash,
  event: z.string(),
  principal: z.string(),
  client: z.string().optional(),
  operation: z.string().optional(),
  type: z.string().optional(),
  provider: z.string().optional(),
  targets: z.array(z.string()).optional(),
  targets_omitted: z.number().optional(),
  failed: z.array(z.string()).optional(),
  failed_omitted: z.number().optional(),
  part: z.string().optional(),
  layers: z.record(z.string(), z.unknown()).optional(),
  code: z.string().optional(),
  outcome: z.string().optional(),
  by: z.string().optional(),
  torn: Torn.optional(),
  /** SHA-256 of the canonical JSON of everything else. */
  hash: Hash,
})
export type AuditEntry = z.infer<typeof Entry>

/** What the next entry is chained to. */
export type Link = Pick<AuditEntry, 'seq' | 'hash'>

/** Before the first entry. */
export const START: Link = { seq: 0, hash: '0'.repeat(64) }

export interface StoredEntry {
  entry: AuditEntry
  /** Exactly as it is stored. */
  text: string
  /** It is what its hash was made of. */
  intact: boolean
}

/** The line of the next entry, and what the one after it is chained to. */
export function sealEntry(
  fields: Record<string, unknown>,
  { at, before, torn }: { at: string; before: Link; torn?: Torn | undefined },
): { text: string; link: Link } {
  const seq = before.seq + 1
  const content = { v: 1, seq, at, prev: before.hash, ...fields, ...(torn && { torn }) }
  const hash = digest(content)
  return { text: JSON.stringify({ ...content, hash }), link: { seq, hash } }
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** The entry of a line, or undefined when it is none. */
export function readEntry(bytes: Buffer): StoredEntry | undefined {
  if (bytes[0] !== 0x7b) return undefined
  try {
    const text = utf8.decode(bytes)
    const entry = JSON.parse(text)
    if (!Entry.safeParse(entry).success) return undefined
    const { hash, ...content } = entry
    // The text as well: a key given twice or a number written otherwise is not what was stored.
    const intact = digest(content) === hash && JSON.stringify(entry) === text
    return { entry, text, intact }
  } catch {
    return undefined
  }
}
