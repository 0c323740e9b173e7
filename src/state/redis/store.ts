import { SnapshotError } from '../../snapshots/errors.ts'
import { parse } from '../records.ts'
import type { Kind, StateStore, Versioned } from '../state-store.ts'
import type { Ask } from './ask.ts'
import type { Keys } from './keys.ts'
import type { Life } from './life.ts'
import { createLocks } from './locks.ts'
import { IDS, READ, REMOVE, RETIRE, WRITE } from './record-scripts.ts'

export interface RedisStoreOptions {
  ask: Ask
  keys: Keys
  clock: () => number
  random: (size: number) => Buffer
}

/** Records of which a forgotten version could let somebody through twice; see life.ts. */
const ONE_LIFE: ReadonlySet<Kind> = new Set(['plan', 'approval'])

/** As many records as one script looks at: Redis does nothing else meanwhile. */
const AT_ONCE = 200

/** One tenant's state, each record a hash with its version, its text and the life it was written in. */
export function createRedisStore({ ask, keys, clock, random }: RedisStoreOptions): StateStore {
  const lifeFor = (kind: Kind, { run, durable }: Life) =>
    ONE_LIFE.has(kind) ? [run, Number(durable)] : ['', 0]

  async function readEach(kind: Kind, ids: readonly string[]): Promise<Found[]> {
    if (ids.length === 0) return []
    const records = ids.map((id) => keys.record(kind, id))
    return ask<Found[]>(READ, records, (life) => lifeFor(kind, life))
  }

  /** Of one kind, those that were last written before a time (ms), in parts. */
  async function* idsOf(kind: Kind, before = Number.POSITIVE_INFINITY): AsyncGenerator<string[]> {
    const until = before === Number.POSITIVE_INFINITY ? '+inf' : `(${before}`
    const ids = await ask<string[]>(IDS, [keys.index(kind)], () => [until])
    for (let at = 0; at < ids.length; at += AT_ONCE) yield ids.slice(at, at + AT_ONCE)
  }

  return {
    async read(kind, id) {
      const [found] = await readEach(kind, [id])
      return understood(kind, id, found)
    },

    async write(kind, id, value, after) {
      const mark = random(16).toString('hex')
      const names = [keys.record(kind, id), keys.index(kind), keys.receipt(mark)]
      const text = JSON.stringify(value)
      const now = clock()
      const version = await ask<number>(WRITE, names, (life) => [
        ...lifeFor(kind, life),
        after,
        text,
        now,
        id,
      ])
      return version === 0 ? undefined : version
    },

    async list(kind) {
      const listed: ({ id: string } & Versioned)[] = []
      for await (const ids of idsOf(kind)) {
        const found = await readEach(kind, ids)
        for (const [at, id] of ids.entries()) {
          const record = unlessDamaged(() => understood(kind, id, found[at]))
          if (record) listed.push({ id, ...record })
        }
      }
      return listed
    },

    async remove(kind, id) {
      await ask(REMOVE, [keys.record(kind, id), keys.index(kind)], () => [id])
    },

    // No lock is among them: of one that is free nothing is left.
    async retire(kind, before) {
      let count = 0
      for await (const ids of idsOf(kind, before)) {
        const records = ids.map((id) => keys.record(kind, id))
        count += await ask<number>(RETIRE, [keys.index(kind), ...records], () => [before, ...ids])
      }
      return count
    },

    lock: createLocks({ ask, keys, random }),
  }
}

/** Version and text, as far as they are there; nothing where there is no record. */
type Found = [version?: string | null, text?: string | null]

function understood(kind: Kind, id: string, [version, text]: Found = []): Versioned | undefined {
  if (version === undefined) return undefined
  const isWhole = /^[1-9]\d{0,14}$/.test(version ?? '')
  return { value: parse(kind, id, isWhole && text ? text : ''), version: Number(version) }
}

function unlessDamaged<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch (error) {
    if (error instanceof SnapshotError && error.code === 'CORRUPT') return undefined
    throw error
  }
}
