import { createDigitalOceanProvider } from '../../../src/providers/digitalocean/index.ts'
import { createSecret } from '../../../src/providers/http/secret.ts'
import type { Source } from '../../../src/snapshots/model.ts'
import { createDigitalOcean, type DigitalOceanOptions } from '../../emulators/digitalocean.ts'
import { silent } from '../../snapshots/world.ts'
import { handTime } from '../http/hand-time.ts'
import { loseNextAnswer } from './lost-answer.ts'
import type { Subject } from './subject.ts'

/** Looks that find a thing on its way: enough to tell progress about. */
const POLLS = 3
/** More than a page of any list. */
const MANY = 230
/** One snapshot of a volume in ten minutes is what the vendor takes. */
const BETWEEN_MS = 10 * 60_000

/** The machine and the volume of one account: either can be what the checks are about. */
async function account(
  options: DigitalOceanOptions,
  address?: string,
  safetySnapshots = true,
): Promise<Record<'droplet' | 'volume', Subject>> {
  const time = handTime()
  const server = await createDigitalOcean({ now: time.now, pollsToComplete: POLLS, ...options })
  const { droplets, volumes, images, volumeSnapshots } = server.cloud
  const droplet: Source = { kind: 'droplet', id: String(server.droplet.id), name: server.droplet.name }
  const volume: Source = { kind: 'volume', id: server.volume.id, name: server.volume.name }
  let step = 0
  let copies = 0
  const change = (of: { content: string }) => {
    of.content = `changed in step ${++step}`
    return new Map()
  }
  const both = {
    provider: createDigitalOceanProvider({
      key: createSecret(server.token),
      baseUrl: address ?? server.url,
      safetySnapshots,
      ...{ log: silent, time, random: () => 0 },
    }),
    vacant: () => `copy-${++copies}`,
    state: ({ kind, id }: Source) =>
      (kind === 'droplet' ? droplets.get(Number(id)) : volumes.get(id))?.content ?? 'gone',
    places: () => [...[...droplets.keys()].map(String), ...volumes.keys()].sort(),
    crowd() {
      for (let n = 0; n < MANY; n++) {
        server.addDroplet()
        server.addVolume()
        const { id, name, region } = server.volume
        const snapshot = { id: crypto.randomUUID(), name: `${name}-${n}`, volumeId: id, region }
        const sizes = { minDiskSize: 10, sizeGigabytes: 1, tags: null, content: '' }
        volumeSnapshots.set(snapshot.id, { ...snapshot, ...sizes, createdAt: time.now() })
      }
      const own = [...images.values()].filter(({ type }) => type === 'snapshot').length
      return { snapshots: own + volumeSnapshots.size, sources: droplets.size + volumes.size }
    },
    loseAnswer: () => loseNextAnswer(server),
    tick: () => time.pass(BETWEEN_MS),
    now: time.now,
    cleanup: () => server.close(),
  }
  return {
    droplet: {
      ...both,
      ...{ source: droplet, other: volume, bulky: droplet },
      mutate: () => change(server.droplet),
      disturb() {
        server.droplet.status = server.droplet.status === 'active' ? 'off' : 'active'
      },
    },
    volume: {
      ...both,
      ...{ source: volume, other: droplet },
      // Neither is possible with the snapshot of a volume.
      less: { restore_modes: ['new'], update: ['labels', 'protected'] },
      mutate: () => change(server.volume),
    },
  }
}

/** `address`: where the provider finds it, when something is in between. */
export const dropletSubject = async (options: DigitalOceanOptions = {}, address?: string) =>
  (await account(options, address)).droplet
/** Of an operator who does not want a restore to cost twice. */
export const unsavedDropletSubject = async () => (await account({}, undefined, false)).droplet
export const volumeSubject = async (options: DigitalOceanOptions = {}, address?: string) =>
  (await account(options, address)).volume
