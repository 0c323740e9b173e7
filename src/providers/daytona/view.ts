import { createHash } from 'node:crypto'
import type { Snapshot, Source, State } from '../../snapshots/model.ts'
import { plain } from '../../snapshots/plain.ts'
import type { Vendor } from '../cloud.ts'
import { bytesOf, sandboxInRef, saysMemory } from './assumptions.ts'
import { isAuto } from './names.ts'
import type { SnapshotRecord } from './schemas.ts'

export const PROVIDER = 'daytona'
export const DAYTONA = { provider: PROVIDER, title: 'Daytona' } as const satisfies Vendor

const STATES: Record<string, State> = {
  pending: 'creating',
  pulling: 'creating',
  building: 'creating',
  snapshotting: 'creating',
  capturing: 'creating',
  active: 'ready',
  inactive: 'inactive',
  error: 'failed',
  build_failed: 'failed',
  removing: 'deleting',
}

/** `unknown` for every state that a later server may think of. */
export const stateOf = ({ state }: SnapshotRecord): State =>
  Object.hasOwn(STATES, state) ? STATES[state]! : 'unknown'

/** The record in the words that all providers share. `nameOf` knows the sandbox that it was taken of by its id. */
export function view(record: SnapshotRecord, nameOf: (sandbox: string) => string): Snapshot {
  const { id, name, size, regionIds, errorReason, state } = record
  const failed = stateOf(record) === 'failed'
  return {
    id: `${PROVIDER}:${id}`,
    provider: PROVIDER,
    name,
    state: stateOf(record),
    captures: saysMemory(record) ? ['disk', 'memory'] : ['disk'],
    source: sourceOf(record, nameOf),
    created_at: new Date(record.createdAt).toISOString(),
    ...(typeof size === 'number' && size >= 0 && { size_bytes: bytesOf(size) }),
    labels: {},
    // The vendor's own cannot be deleted by anybody here.
    protected: record.general === true,
    auto: isAuto(name),
    ...(regionIds && { regions: regionIds }),
    ...(failed && { error: { code: state.toUpperCase(), message: reasonOf(errorReason) } }),
    native: record,
  }
}

export const reasonOf = (errorReason: string | null | undefined) =>
  plain(errorReason || 'Daytona gives no reason', 300)

function sourceOf(record: SnapshotRecord, nameOf: (sandbox: string) => string): Source {
  const { kind, id } = originOf(record)
  if (kind === 'sandbox') return { kind, id, name: nameOf(id) }
  return { kind, id, name: kind === 'dockerfile' ? dockerfileName(record) : id }
}

/** What it was made of, as far as the record tells. */
export function originOf(record: SnapshotRecord): Pick<Source, 'kind' | 'id'> {
  const { imageName, buildInfo } = record
  const sandbox = sandboxBehind(record)
  if (sandbox !== undefined) return { kind: 'sandbox', id: sandbox }
  if (imageName) return { kind: 'image', id: imageName }
  if (buildInfo) return { kind: 'dockerfile', id: dockerfileId(buildInfo.dockerfileContent ?? '') }
  return { kind: 'unknown', id: 'unknown' }
}

/** By what its last stage starts from: the path is not known to anybody any more. */
function dockerfileName({ buildInfo }: SnapshotRecord): string {
  const stages = buildInfo?.dockerfileContent?.matchAll(/^[ \t]*FROM[ \t]+(?:--\S+[ \t]+)*(\S+)/gim) ?? []
  const base = [...stages].at(-1)?.[1]
  return base === undefined ? 'Dockerfile' : plain(`Dockerfile FROM ${base}`, 80)
}

/** The id of the sandbox that a snapshot was taken of. */
export function sandboxBehind({ sourceSandboxId, ref }: SnapshotRecord): string | undefined {
  return sourceSandboxId || sandboxInRef(ref ?? '')
}

/** The vendor keeps the text of a Dockerfile and not where it was: the text is what it is known by. */
export function dockerfileId(content: string): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`
}
