import type { Job, Pace } from './progress.ts'
import type { ObjectStore } from './storage.ts'

/**
 * `v0.190` is the last server whose source is public: a snapshot of a sandbox becomes a record only when it is done.
 * `record-first` is what runs since mid-2026, as far as the API description 0.205 and the issue tracker tell: the record
 * is there from the start. `proposed` differs from that in the answer only: 202 with the snapshot, as one unmerged
 * change to the clients expects it.
 */
export type Generation = 'v0.190' | 'record-first' | 'proposed'

/** The state of one organisation. Plain data that a test may change at will; times in milliseconds since the epoch. */
export interface World {
  readonly now: () => number
  readonly pace: Pace
  readonly generation: Generation
  readonly organizationId: string
  readonly key: ApiKey
  readonly snapshots: Map<string, Snapshot>
  readonly sandboxes: Map<string, Sandbox>
  readonly jobs: Set<Job>
  readonly objects: ObjectStore
  readonly quotas: Quotas
  /** What fails next, and why. */
  readonly doomed: Doom[]
  /** Why the organisation is suspended, if it is. */
  suspended?: string
  /** Origins of what is not the API itself; no slash at the end. */
  readonly origins: { proxy: string; storage: string }
  /** Called whenever something has changed by itself. */
  readonly watchers: Set<() => void>
}

export interface ApiKey {
  value: string
  name: string
  createdAt: number
  lastUsedAt: number | null
  permissions: Permission[]
}

export type Permission = 'write:snapshots' | 'delete:snapshots' | 'write:sandboxes' | 'delete:sandboxes'

export interface Doom {
  what: 'pull' | 'build' | 'capture' | 'start'
  reason: string
}

/** Cores and gigabytes. */
export interface Quotas {
  snapshots: number
  maxCpu: number
  maxMemory: number
  maxDisk: number
  totalCpu: number
  totalMemory: number
  totalDisk: number
}

/** In the order of the database, which is the order when sorted by state. */
export const SNAPSHOT_STATES = [
  ...(['building', 'pending', 'pulling', 'snapshotting', 'capturing'] as const),
  ...(['active', 'inactive', 'error', 'build_failed', 'removing'] as const),
]
export type SnapshotState = (typeof SNAPSHOT_STATES)[number]

export const SANDBOX_CLASSES = ['linux-vm', 'container', 'android', 'windows'] as const
export type SandboxClass = (typeof SANDBOX_CLASSES)[number]

export interface Snapshot {
  id: string
  organizationId: string
  /** One of the vendor's, for everybody. */
  general: boolean
  name: string
  /** Empty unless it was made from a registry image. */
  imageName: string
  state: SnapshotState
  /** Gigabytes; null until known. */
  size: number | null
  entrypoint: string[] | null
  cpu: number
  gpu: number
  gpuType?: string
  mem: number
  disk: number
  errorReason: string | null
  createdAt: number
  updatedAt: number
  lastUsedAt: number | null
  buildInfo?: BuildInfo
  log?: BuildLog
  regionIds: string[]
  runnerId: string | null
  ref: string | null
  sourceSandboxId: string | null
  sandboxClass: SandboxClass
  deactivatedAt?: number
  /** Stands for everything on the disk. */
  content: string
}

export interface BuildInfo {
  dockerfileContent: string
  contextHashes: string[] | null
  snapshotRef: string
  createdAt: number
  updatedAt: number
}

export interface BuildLog {
  lines: string[]
  ended: boolean
}

export const SANDBOX_STATES = [
  ...(['creating', 'restoring', 'destroyed', 'destroying', 'started', 'stopped', 'starting'] as const),
  ...(['stopping', 'error', 'build_failed', 'pending_build', 'building_snapshot', 'unknown'] as const),
  ...(['pulling_snapshot', 'archived', 'archiving', 'resizing', 'snapshotting', 'forking'] as const),
  ...(['pausing', 'paused', 'resuming'] as const),
]
export type SandboxState = (typeof SANDBOX_STATES)[number]

export interface Sandbox {
  id: string
  name: string
  /** Name of the snapshot it was made from. */
  snapshot?: string | undefined
  buildInfo?: BuildInfo
  /** Region. */
  target: string
  user: string
  env: Record<string, unknown>
  labels: Record<string, unknown>
  volumes: unknown[]
  cpu: number
  gpu: number
  gpuType?: string
  memory: number
  disk: number
  public: boolean
  networkBlockAll: boolean
  networkAllowList: string | null
  domainAllowList: string | null
  state: SandboxState
  desiredState: 'destroyed' | 'started' | 'stopped' | 'archived' | 'paused'
  errorReason: string | null
  recoverable: boolean
  /** Minutes. */
  autoStopInterval: number
  autoArchiveInterval: number
  autoDeleteInterval: number
  sandboxClass: SandboxClass
  createdAt: number
  updatedAt: number
  lastActivityAt: number | null
  /** Known once it has been started. */
  daemonVersion?: string | undefined
  runnerId: string | null
  /** The sandbox it was forked from. */
  parentId?: string
  /** Stands for everything on the disk. */
  content: string
}
