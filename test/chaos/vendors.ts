import { onTestFinished } from 'vitest'
import type { CloudOptions } from '../../src/providers/cloud.ts'
import { createDaytonaProvider } from '../../src/providers/daytona/index.ts'
import { createDigitalOceanProvider } from '../../src/providers/digitalocean/index.ts'
import { createSecret } from '../../src/providers/http/secret.ts'
import type { Time } from '../../src/providers/http/time.ts'
import { createMorphProvider } from '../../src/providers/morph/index.ts'
import type { Provider } from '../../src/snapshots/provider.ts'
import type { Generation } from '../emulators/daytona/model.ts'
import { createDaytona } from '../emulators/daytona.ts'
import { createDigitalOcean } from '../emulators/digitalocean.ts'
import type { EmulatorServer } from '../emulators/http.ts'
import { createMorph } from '../emulators/morph.ts'
import { hurriedTime } from './hurried-time.ts'

/** A vendor and something of it to capture, as the sweep sees all of them. */
export interface Vendor {
  emulator: EmulatorServer
  /** Of the vendor and of us. */
  time: Time
  key: string
  /** What a create names, and what else it says. */
  create: { source: string; [argument: string]: unknown }
  /** The key must not be seen; `url` is where the provider is to send its requests. */
  provider(url: string, options: Omit<CloudOptions, 'key' | 'baseUrl'>): Provider
  /** How many snapshots there are that were not there at first, whatever became of them. */
  made(): number
  /** How many machines and volumes there are that were not there at first. */
  started(): number
  /** What must be true again when everything is over. */
  undisturbed(): boolean
}

const pollsToComplete = 1
const FASTER = 200

export async function morph(from: 'instance' | 'image'): Promise<Vendor> {
  const time = hurriedTime(FASTER)
  const emulator = await createMorph({ pollsToComplete, now: time.now })
  const { cloud, instance, key } = emulator
  const before = cloud.snapshots.size
  return ended({
    emulator,
    time,
    key,
    create: { source: from === 'image' ? 'image:morphvm-minimal' : `instance:${instance.id}` },
    provider: (url, options) =>
      createMorphProvider({ ...options, key: createSecret(key), baseUrl: `${url}/api` }),
    made: () => cloud.snapshots.size - before,
    started: () => cloud.instances.size - 1,
    undisturbed: () => instance.status === 'ready',
  })
}

export async function daytona(
  from: 'sandbox' | 'image',
  generation: Generation = 'record-first',
): Promise<Vendor> {
  const time = hurriedTime(FASTER)
  const emulator = await createDaytona({ pollsToComplete, generation, now: time.now })
  const { world, sandbox, key } = emulator
  const before = world.snapshots.size
  return ended({
    emulator,
    time,
    key,
    create: { source: from === 'image' ? 'image:ubuntu:24.04' : `sandbox:${sandbox.id}`, name: 'chaos' },
    provider: (url, options) =>
      createDaytonaProvider({ ...options, key: createSecret(key), baseUrl: `${url}/api`, roots: [] }),
    made: () => world.snapshots.size - before,
    started: () => world.sandboxes.size - 1,
    undisturbed: () => sandbox.state === 'started',
  })
}

export async function digitalocean(what: 'droplet' | 'switched off' | 'volume'): Promise<Vendor> {
  const time = hurriedTime(FASTER)
  const emulator = await createDigitalOcean({ pollsToComplete, now: time.now })
  const { cloud, droplet, volume, token: key } = emulator
  const before = cloud.images.size
  const source = what === 'volume' ? `volume:${volume.id}` : `droplet:${droplet.id}`
  return ended({
    emulator,
    time,
    key,
    create: { source, ...(what === 'switched off' && { digitalocean: { power_off: true } }) },
    provider: (url, options) =>
      createDigitalOceanProvider({ ...options, key: createSecret(key), baseUrl: url }),
    made: () => cloud.images.size - before + cloud.volumeSnapshots.size,
    started: () => cloud.droplets.size + cloud.volumes.size - 2,
    undisturbed: () => droplet.status === 'active',
  })
}

function ended(vendor: Vendor): Vendor {
  onTestFinished(() => vendor.emulator.close())
  return vendor
}
