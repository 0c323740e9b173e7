import type { SandboxClass } from './model.ts'

/** The snapshot that a sandbox is made from when none is named. */
export const DEFAULT_SNAPSHOT = {
  name: 'daytonaio/sandbox:0.5.0-slim',
  imageName: 'daytonaio/sandbox:0.5.0-slim',
  entrypoint: ['sleep', 'infinity'],
  regionIds: ['us', 'eu'],
}

export const DEFAULT_REGION = 'us'

interface Region {
  id: string
  /** Sandbox classes that a runner in it can host. */
  classes: readonly SandboxClass[]
  /** Whether this organisation may use it. */
  available: boolean
}

/** As users report it, virtual machines are to be had in one region only. */
export const REGIONS: readonly Region[] = [
  { id: 'us', classes: ['container'], available: true },
  { id: 'eu', classes: ['container'], available: true },
  { id: 'us-east-1', classes: ['container', 'linux-vm', 'windows'], available: true },
  { id: 'earth', classes: ['container'], available: false },
]

export const GPU_TYPES = ['H100', 'H200', 'RTX-PRO-6000', 'RTX-4090', 'RTX-5090']
