import type { Size } from './catalogue.ts'
import type { Action, Pace } from './progress.ts'

/** The state of one account. Plain data that a test may change at will; times in milliseconds since the epoch. */
export interface Cloud {
  readonly now: () => number
  readonly pace: Pace
  readonly droplets: Map<number, Droplet>
  readonly volumes: Map<string, Volume>
  /** Public images, custom ones, snapshots and backups of Droplets. */
  readonly images: Map<number, Image>
  readonly volumeSnapshots: Map<string, VolumeSnapshot>
  readonly actions: Map<number, Action>
  readonly transfers: Map<number, Transfer>
  readonly tags: Set<string>
  readonly keys: Map<number, Key>
  readonly account: Account
  /** Types of the next actions that will end as `errored`, without effect. */
  readonly doomed: string[]
  /** Reads of the lists of snapshots that a finished one is still missing from. */
  snapshotLag: number
  /** Reads of a Droplet that show its former status after it was switched off or on. */
  statusLag: number
  nextId(): number
}

export interface Droplet {
  id: number
  name: string
  size: Size
  region: string
  image: Image
  /** The truth; what is shown may lag behind. */
  status: 'new' | 'active' | 'off'
  shown?: { status: Droplet['status']; reads: number }
  tags: string[]
  features: string[]
  createdAt: number
  /** Stands for everything on the disk. */
  content: string
  /** The guest does not react to a shutdown. */
  ignoresShutdown: boolean
  /** How many of the next actions are refused because of events in the background. */
  blocked: number
}

export interface Volume {
  id: string
  name: string
  description: string
  region: string
  sizeGigabytes: number
  filesystemType: string
  filesystemLabel: string
  dropletId?: number
  tags: string[]
  createdAt: number
  content: string
  lastSnapshotAt?: number
}

export interface Image {
  id: number
  name: string
  type: 'base' | 'snapshot' | 'backup' | 'custom'
  distribution: string
  slug: string | null
  public: boolean
  regions: string[]
  createdAt: number
  minDiskSize: number
  sizeGigabytes: number
  description: string
  tags: string[]
  /** Of a snapshot or a backup. The Droplet may be gone. */
  dropletId?: number
  content: string
  /** Reads of lists that do not show it yet. */
  hidden: number
}

export interface VolumeSnapshot {
  id: string
  name: string
  volumeId: string
  region: string
  minDiskSize: number
  sizeGigabytes: number
  /** null when there never were any. */
  tags: string[] | null
  createdAt: number
  content: string
}

export interface Transfer {
  id: number
  image: Image
  /** From another account to this one. */
  incoming: boolean
  recipient: string
}

export interface Key {
  id: number
  name: string
  public_key: string
  fingerprint: string
}

export interface Account {
  droplet_limit: number
  floating_ip_limit: number
  volume_limit: number
  email: string
  name: string
  uuid: string
  email_verified: boolean
  status: 'active' | 'warning' | 'locked'
  status_message: string
  team: { uuid: string; name: string }
  /** Not shown: teams that take an image over without being asked. */
  otherTeams: string[]
}
