import type { Snapshot } from '../../snapshots/model.ts'
import { toSource } from './roots.ts'
import type { Manifest, Stored } from './store/manifest.ts'

/** The directory a manifest is of, as bytes. */
export function rootOf(manifest: Manifest): string {
  return Buffer.from(manifest.root, 'base64').toString('latin1')
}

export function isProtected({ details, manifest }: Stored, now: number): boolean {
  if (details.protected) return true
  return manifest.auto && details.protected_until !== undefined && now < Date.parse(details.protected_until)
}

/** A stored snapshot in the words every provider uses. */
export function toSnapshot(stored: Stored, now: number): Snapshot {
  const { id, manifest, details, trashed } = stored
  const { files, directories, links, skipped } = manifest.receipt
  return {
    id: `local:${id}`,
    provider: 'local',
    name: details.name,
    ...(details.note !== undefined && { note: details.note }),
    state: trashed ? 'trashed' : 'ready',
    captures: ['files'],
    source: toSource(rootOf(manifest)),
    created_at: manifest.created_at,
    size_bytes: manifest.size,
    ...(manifest.parent !== null && { parent_id: `local:${manifest.parent}` }),
    labels: details.labels,
    protected: isProtected(stored, now),
    auto: manifest.auto,
    ...(details.expires_at !== undefined && { expires_at: details.expires_at }),
    native: {
      digest: manifest.digest,
      files,
      directories,
      links,
      ...(manifest.exclude.length > 0 && { exclude: manifest.exclude }),
      ...(skipped.length > 0 && { skipped: skipped.map(({ reason, count }) => ({ reason, count })) }),
      ...(details.trashed && { trashed_at: details.trashed.at, kept_until: details.trashed.until }),
    },
  }
}

/** A snapshot whose manifest cannot be trusted any more: listed, so that nobody wonders where it went. */
export function toDamaged({ id, modified }: { id: string; modified: Date }): Snapshot {
  return {
    id: `local:${id}`,
    provider: 'local',
    name: id.slice(0, 12),
    state: 'failed',
    captures: ['files'],
    source: { kind: 'path', id: '', name: '' },
    created_at: modified.toISOString(),
    labels: {},
    protected: false,
    auto: false,
    error: { code: 'CORRUPT', message: 'The manifest does not match its id: it was altered or damaged.' },
    native: {},
  }
}
