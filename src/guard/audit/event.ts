import { plain } from '../../snapshots/plain.ts'

/** What was decided or done. Nothing secret belongs in it: no arguments, no token. */
export interface AuditEvent {
  event: 'refused' | 'asked' | 'allowed' | 'ended' | 'approved' | 'declined' | 'purged' | 'unprotected'
  principal: string
  /** What the client calls itself. */
  client?: string
  operation?: string
  type?: string
  provider?: string
  targets?: readonly string[]
  args_digest?: string
  /** A digest of the confirmation, never the confirmation. */
  plan?: string
  /** What each layer of the guard decided. */
  layers?: Record<string, unknown>
  /** Of a refusal or a failure. */
  code?: string
  outcome?: string
  /** The person at the terminal. */
  by?: string
}

/** How many characters of a text are kept: it may be the model's or the client's, and a line stays small. */
const LONGEST = {
  event: 40,
  principal: 200,
  client: 200,
  operation: 100,
  type: 40,
  provider: 100,
  args_digest: 100,
  plan: 100,
  code: 60,
  outcome: 200,
  by: 200,
} as const
const TARGETS = 50
const LONGEST_TARGET = 300
const LONGEST_LAYERS = 8000

/** The known fields of an event, short, and in text that cannot act on a terminal. */
export function bounded(event: AuditEvent): Record<string, unknown> {
  const { targets, layers } = event
  const fields: Record<string, unknown> = {}
  for (const [field, longest] of Object.entries(LONGEST)) {
    const text = event[field as keyof typeof LONGEST]
    if (text !== undefined) fields[field] = plain(text, longest)
  }
  if (targets) fields.targets = targets.slice(0, TARGETS).map((target) => plain(target, LONGEST_TARGET))
  if (targets && targets.length > TARGETS) fields.targets_omitted = targets.length - TARGETS
  if (layers) fields.layers = boundedLayers(layers)
  return fields
}

function boundedLayers(layers: Record<string, unknown>): unknown {
  const text = JSON.stringify(layers, (_key, part: unknown) =>
    typeof part === 'string' ? plain(part) : part,
  )
  return text.length > LONGEST_LAYERS ? { omitted_characters: text.length } : JSON.parse(text)
}
