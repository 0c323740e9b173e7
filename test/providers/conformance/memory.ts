import type { Snapshot, Source } from '../../../src/snapshots/model.ts'
import type { Capabilities, Provider } from '../../../src/snapshots/provider.ts'
import { createMemoryProvider, type MemoryProvider } from '../../snapshots/memory-provider.ts'
import { NOON } from '../../snapshots/world.ts'
import { CLOUD, type CloudLike, cloudLike } from './cloud-like.ts'
import type { Subject } from './subject.ts'

const box = (name: string): Source => ({ kind: 'box', id: name, name })

/** `shape` makes of the provider in memory what the checks get to see. */
function inMemory(
  shape: (honest: MemoryProvider) => Provider,
  capabilities: Partial<Capabilities> = {},
): Subject & { honest: MemoryProvider } {
  const time = { now: NOON }
  const honest = createMemoryProvider({ clock: () => time.now, capabilities })
  honest.boxes.set('shelf', { theirs: 'not yours' })
  honest.boxes.set('spare', {})
  let step = 0
  let copies = 0
  return {
    honest,
    provider: shape(honest),
    source: box('desk'),
    other: box('shelf'),
    vacant: () => `copy-${++copies}`,
    mutate() {
      const { [`c${step}`]: _, b: gone, ...rest } = honest.boxes.get('desk') ?? {}
      const removed = gone === undefined ? `c${step}` : 'b'
      step++
      honest.boxes.set('desk', { ...rest, a: `changed in step ${step}`, [`c${step}`]: 'new' })
      return new Map([
        [removed, 'removed'],
        [`c${step}`, 'added'],
        ['a', 'modified'],
      ])
    },
    state: ({ id }) => JSON.stringify(Object.entries(honest.boxes.get(id) ?? {}).sort()),
    peek: ({ id }, path) => honest.boxes.get(id)?.[path],
    places: () => [...honest.boxes.keys()].sort(),
    tick() {
      time.now += 1000
    },
    now: () => time.now,
    cleanup() {},
  }
}

export function memorySubject(pretend: (honest: MemoryProvider) => Partial<Provider> = () => ({})): Subject {
  return inMemory((honest) => ({ ...honest, ...pretend(honest) }))
}

/** One that is like a cloud. */
export function cloudSubject(pretend: (honest: CloudLike) => Partial<Provider> = () => ({})): Subject {
  const { honest, ...subject } = inMemory((memory) => {
    const cloud = cloudLike(memory)
    return { ...cloud, ...pretend(cloud) }
  }, CLOUD)
  return {
    ...subject,
    crowd() {
      const content = {}
      for (let n = 0; n < 120; n++) {
        honest.boxes.set(`box-${n}`, content)
        const id = `crowd-${n}`
        const snapshot: Snapshot = {
          ...{ id: `memory:${id}`, provider: 'memory', name: id, state: 'ready', captures: ['files'] },
          ...{ source: subject.source, created_at: new Date(NOON).toISOString(), labels: {} },
          ...{ protected: false, auto: false, native: {} },
        }
        honest.shelf.set(id, { snapshot, content })
      }
      return { snapshots: 120, sources: honest.boxes.size }
    },
  }
}
