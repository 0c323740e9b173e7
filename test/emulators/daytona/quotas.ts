import { ASSUMED } from './assumptions.ts'
import type { Sandbox, World } from './model.ts'
import { refuse } from './refusals.ts'

export interface Resources {
  cpu?: number
  memory?: number
  disk?: number
  gpu?: number
}

const CONTACT =
  'Need higher resource limits per-sandbox? Contact us at support@daytona.io and let us know about your use case.'

export function refuseSuspended({ suspended }: World): void {
  if (suspended !== undefined) refuse(403, ASSUMED.suspended(suspended))
}

/** Refuses what is more than one sandbox may have. */
export function refuseOversize({ quotas }: World, { cpu, memory, disk, gpu }: Resources): void {
  const over = (what: string, asked: number | undefined, most: number, unit: string) => {
    if (asked !== undefined && asked > most)
      refuse(
        400,
        `${what} request ${asked}${unit} exceeds maximum allowed per sandbox (${most}${unit}).\n${CONTACT}`,
      )
  }
  over('CPU', cpu, quotas.maxCpu, '')
  over('Memory', memory, quotas.maxMemory, 'GB')
  over('Disk', disk, quotas.maxDisk, 'GB')
  if (gpu !== undefined && gpu > 0) refuse(400, `${ASSUMED.noGpu}\n${ASSUMED.upgrade}`)
}

const UNCOUNTED = new Set(['error', 'build_failed', 'inactive'])

export function snapshotUsage({ snapshots }: World): number {
  return [...snapshots.values()].filter(({ general, state }) => !general && !UNCOUNTED.has(state)).length
}

/** Refuses one snapshot more than there may be. */
export function refuseManySnapshots(world: World): void {
  if (snapshotUsage(world) >= world.quotas.snapshots)
    refuse(400, `Snapshot quota exceeded. Maximum allowed: ${world.quotas.snapshots}`)
}

const WITHOUT_DISK = new Set<Sandbox['state']>(['destroyed', 'archived', 'error', 'build_failed'])
const WITHOUT_CPU = new Set<Sandbox['state']>([...WITHOUT_DISK, 'stopped', 'archiving', 'paused'])

/** What all sandboxes of a class in a region use together. A stopped one uses its disk only. */
export function sandboxUsage(
  world: World,
  of: (sandbox: Sandbox) => boolean = () => true,
): { cpu: number; memory: number; disk: number } {
  const all = [...world.sandboxes.values()].filter(of)
  const running = all.filter(({ state }) => !WITHOUT_CPU.has(state))
  const stored = all.filter(({ state }) => !WITHOUT_DISK.has(state))
  return {
    cpu: running.reduce((sum, { cpu }) => sum + cpu, 0),
    memory: running.reduce((sum, { memory }) => sum + memory, 0),
    disk: stored.reduce((sum, { disk }) => sum + disk, 0),
  }
}

/** Refuses one sandbox more than the totals allow. `but` is one that is there already. */
export function refuseManySandboxes(
  world: World,
  wanted: Required<Omit<Resources, 'gpu'>>,
  but?: Sandbox,
): void {
  const { quotas } = world
  const used = sandboxUsage(world, (one) => one !== but)
  const over = (what: string, sum: number, most: number, unit: string) => {
    if (sum > most)
      refuse(400, `Total ${what} limit exceeded. Maximum allowed: ${most}${unit}.\n${ASSUMED.upgrade}`)
  }
  over('CPU', used.cpu + wanted.cpu, quotas.totalCpu, '')
  over('memory', used.memory + wanted.memory, quotas.totalMemory, 'GiB')
  over('disk', used.disk + wanted.disk, quotas.totalDisk, 'GiB')
}
