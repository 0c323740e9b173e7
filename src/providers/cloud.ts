import type { Log } from '../snapshots/provider.ts'
import type { Secret } from './http/secret.ts'
import type { Time } from './http/time.ts'

/** The account at a vendor, as the operator set it up. */
export interface Account {
  key: Secret
  /** Absent: the vendor's own address. */
  baseUrl?: string
}

/** What the provider of a cloud is made with. */
export interface CloudOptions extends Account {
  log: Log
  /** Default: the real one. */
  time?: Time
  random?: () => number
}

/** As errors and sentences name it. */
export interface Vendor {
  provider: string
  title: string
}
