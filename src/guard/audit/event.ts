import { plain } from '../../snapshots/plain.ts'

/** What was decided or done. Nothing secret belongs in it: no arguments, no token. */
export interface AuditEvent {
  event:
    | 'refused'
    | 'asked'
    | 'allowed'
    | 'ended'
    | 'approved'
    | 'declined'
    | 'expired'
    | 'purged'
    | 'unprotected'
    | 'transferred'
  principal: string
  /** What the client calls itself. */
  client?: string
  operation?: string
  type?: string
  provider?: string
  targets?: readonly string[]
  /** How many more there were. */
  targets_omitted?: number
  /** Of the targets of a delete, what stayed. */
  failed?: readonly string[]
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
const FAILED = 10
const LONGEST_TARGET = 300
const LONGEST_LAYERS = 8000

/** An event with many targets is several lines, so that each is small and none is left out. */
export function linesOf(event: AuditEvent): Record<string, unknown>[] {
  const { targets = [] } = event
  if (targets.length <= TARGETS) return [bounded(event)]
  const parts = Math.ceil(targets.length / TARGETS)
  return Array.from({ length: parts }, (_, part) => {
    const some = targets.slice(part * TARGETS, (part + 1) * TARGETS)
    return { ...bounded({ ...event, targets: some }), part: `${part + 1} of ${parts}` }
  })
}

/** The known fields of an event, short, and in text that cannot act on a terminal. */
function bounded(event: AuditEvent): Record<string, unknown> {
  const { targets, targets_omitted, failed, layers } = event
  const fields: Record<string, unknown> = {}
  for (const [field, longest] of Object.entries(LONGEST)) {
    const text = event[field as keyof typeof LONGEST]
    if (text !== undefined) fields[field] = plain(text, longest)
  }
  const short = (ids: readonly string[]) => ids.map((id) => plain(id, LONGEST_TARGET))
  if (targets) fields.targets = short(targets)
  if (targets_omitted) fields.targets_omitted = targets_omitted
  if (failed) fields.failed = short(failed.slice(0, FAILED))
  if (failed && failed.length > FAILED) fields.failed_omitted = failed.length - FAILED
  if (layers) fields.layers = boundedLayers(layers)
  return fields
}

function boundedLayers(layers: Record<string, unknown>): unknown {
  const text = JSON.stringify(layers, (_key, part: unknown) =>
    typeof part === 'string' ? plain(part) : part,
  )
  return text.length > LONGEST_LAYERS ? { omitted_characters: text.length } : JSON.parse(text)
}
