import type { Pace, Task } from './progress.ts'

/** What a virtual machine has: memory and disk in megabytes, as the vendor counts them. */
export interface Spec {
  vcpus: number
  memory: number
  disk_size: number
}

export type Metadata = Record<string, string>

/** What is on a machine, for tests that want to see that it came back. */
export interface Content {
  disk: string
  /** Lost by a cold start. */
  memory: string
}

export interface Image {
  id: string
  name: string
  description: string
  /** Bytes, unlike all other sizes. */
  diskSize: number
  createdAt: number
}

export interface Snapshot {
  id: string
  /** Milliseconds since the epoch, as all times here. */
  createdAt: number
  status: 'pending' | 'ready' | 'failed' | 'deleting' | 'deleted'
  spec: Spec
  imageId: string
  digest: string | null
  metadata: Metadata
  ttlSeconds: number | null
  /** Its time to live counts from here. */
  usedAt: number
  content: Content
  task?: Task
}

export interface Instance {
  id: string
  createdAt: number
  status: 'pending' | 'ready' | 'paused' | 'saving' | 'error'
  spec: Spec
  imageId: string
  snapshotId: string
  metadata: Metadata
  ttlSeconds: number | null
  ttlAction: 'stop' | 'pause' | null
  /** Its time to live counts from here. */
  usedAt: number
  wakeOn: { ssh: boolean; http: boolean }
  content: Content
  task?: Task
}

/** A snapshot that may be copied into an account by whoever has the token. */
export interface Share {
  snapshot: Snapshot
  expiresAt: number
}

export interface Account {
  /** Without it nothing new is made: 402. */
  credit: boolean
  /** Beyond these: 403. */
  snapshots: number
  instances: number
}

export interface Cloud {
  now: () => number
  pace: Pace
  images: Image[]
  snapshots: Map<string, Snapshot>
  instances: Map<string, Instance>
  shares: Map<string, Share>
  account: Account
  /** What is to end badly, one entry a time. */
  doomed: ('snapshot' | 'instance')[]
  /** Synchronous captures wait for it. */
  gate: Promise<void> | undefined
  /** Whether there is a paged list: older servers have none. */
  paged: boolean
  /** Whether every capture is answered, and its snapshot shown, only when it is done. */
  synchronous: boolean
}
