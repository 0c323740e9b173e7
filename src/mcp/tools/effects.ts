import { z } from 'zod'
import { ShownPath } from '../../snapshots/model.ts'
import { plain } from '../../snapshots/plain.ts'
import { bytes, count, path, quoted } from './wording.ts'

/** Examples in one line. */
const SHOWN = 8

const Path = z.union([z.string(), ShownPath])
const Paths = z.array(Path).default([])

/** Of a restore, in place or as copies. */
const RestoreEffects = z.object({
  written: z.number(),
  deleted: z.number(),
  metadata: z.number(),
  bytes: z.number(),
  samples: z.object({ written: Paths, deleted: Paths, metadata: Paths }).partial().default({}),
  left_alone: Paths,
  copies: z.array(z.string()).default([]),
})

/** Of a delete, a prune, and the undo of either. */
const SnapshotEffects = z.object({
  snapshots: z.union([
    z.number(),
    z.array(
      z.union([
        z.string(),
        z.object({ id: z.string(), name: z.string().optional(), size_bytes: z.number().optional() }),
      ]),
    ),
  ]),
})

/** What a plan would do, a line for each kind of change. What only one provider tells is shown as it is. */
export function effectLines(effects: Record<string, unknown>): string[] {
  const restore = RestoreEffects.safeParse(effects)
  if (restore.success) return restoreLines(restore.data)
  const removal = SnapshotEffects.safeParse(effects)
  if (!removal.success) return [`Effects: ${plain(JSON.stringify(effects), 2000)}`]
  const { snapshots, ...rest } = effects
  const more = Object.keys(rest).length > 0 ? [`Also: ${plain(JSON.stringify(rest), 2000)}`] : []
  return [...snapshotLines(removal.data), ...more]
}

function restoreLines(effects: z.output<typeof RestoreEffects>): string[] {
  const { written, deleted, metadata, samples, left_alone, copies } = effects
  const line = (verb: string, amount: number, shown: z.output<typeof Paths> = [], size = '') =>
    amount === 0
      ? []
      : [`${verb} ${count(amount, 'entry', 'entries')}${size}${examples(shown.map(named), amount)}`]
  return [
    ...(copies.length > 0
      ? [`Make ${count(copies.length, 'copy', 'copies')}${examples(copies.map(named), copies.length)}`]
      : []),
    ...line('Write', written, samples.written, ` (${bytes(effects.bytes)})`),
    ...line('Delete', deleted, samples.deleted),
    ...line('Set metadata of', metadata, samples.metadata),
    // Providers list only the first of them.
    ...(left_alone.length > 0
      ? [`Leave alone${examples(left_alone.map(named), 0)}${left_alone.length > SHOWN ? ' and more' : ''}`]
      : []),
  ]
}

function snapshotLines({ snapshots }: z.output<typeof SnapshotEffects>): string[] {
  if (typeof snapshots === 'number') return snapshots === 0 ? [] : [`Affects ${count(snapshots, 'snapshot')}`]
  const shown = snapshots.map((entry) => {
    if (typeof entry === 'string') return plain(entry)
    const { id, name, size_bytes } = entry
    const facts = [name && quoted(name, 80), size_bytes !== undefined && bytes(size_bytes)].filter(Boolean)
    return `${plain(id)}${facts.length > 0 ? ` (${facts.join(', ')})` : ''}`
  })
  return shown.length === 0
    ? []
    : [`Affects ${count(shown.length, 'snapshot')}${examples(shown, shown.length)}`]
}

const named = (shown: z.output<typeof Path>) => path(typeof shown === 'string' ? { path: shown } : shown)

/** `: a, b and 5 more`, where `amount` counts what is shown too; 0 when it is not known. */
function examples(all: readonly string[], amount: number): string {
  const shown = all.slice(0, SHOWN)
  if (shown.length === 0) return ''
  const rest = amount - shown.length
  return `: ${shown.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`
}
