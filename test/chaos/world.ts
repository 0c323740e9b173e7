import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { createAudit } from '../../src/guard/audit.ts'
import { audited } from '../../src/guard/audited.ts'
import { createGuard } from '../../src/guard/guard.ts'
import { SnapshotError } from '../../src/snapshots/errors.ts'
import type { Log } from '../../src/snapshots/provider.ts'
import { createService } from '../../src/snapshots/service.ts'
import type { Service } from '../../src/snapshots/service-api.ts'
import { createFileStore } from '../../src/state/file-store.ts'
import { args, caller, temporaryDirectory } from '../snapshots/world.ts'
import { type ChaosProxy, chaosProxy } from '../support/chaos-proxy.ts'
import type { Ended } from './sweep.ts'
import type { Vendor } from './vendors.ts'

/** The real service, guard and state around the real provider, with trouble between that and its vendor. */
export interface World {
  service: Service
  proxy: ChaosProxy
  /** The reply, or the error that the call ended in. Anything but a typed error is a defect. */
  attempt<R>(call: Promise<unknown>): Promise<R | SnapshotError>
  /** Asks until it is known how the call ended. */
  seeThrough(first: Begun | SnapshotError): Promise<Ended>
  close(): Promise<void>
  /** Whether a text was said, logged or written anywhere. */
  shows(text: string): boolean
}

type Begun = { status?: string | undefined; operation?: string | undefined }

export async function open(vendor: Vendor): Promise<World> {
  const proxy = await chaosProxy(vendor.emulator.url)
  const said: unknown[] = []
  const say = (...words: unknown[]) => void said.push(words)
  const log: Log = { debug: say, info: say, warn: say, error: say }
  const directory = temporaryDirectory()
  const clock = Date.now

  const provider = vendor.provider(proxy.url, { log, time: vendor.time })
  const state = createFileStore({ directory: join(directory, 'state'), clock })
  const policy = () => ({ read_only: false })
  const bare = createGuard({ state, mode: 'token', policy, clock, log })
  const audit = createAudit({ directory: join(directory, 'audit'), lock: state.lock, clock })
  const guard = audited(bare, audit, log)
  const registry = { names: [provider.name], get: async () => provider }
  const service = createService({ registry, guard, state, clock, random: randomBytes, log })

  async function attempt<R>(call: Promise<unknown>): Promise<R | SnapshotError> {
    try {
      return (await call) as R
    } catch (error) {
      said.push(error)
      if (error instanceof SnapshotError) return error
      throw error
    }
  }

  async function look(operation: string): Promise<Ended> {
    const id = `${provider.name}:${operation}`
    const found = await attempt<Awaited<ReturnType<Service['get']>>>(
      service.get(args.get({ snapshot: id, wait_seconds: 50 }), caller()),
    )
    if (found instanceof SnapshotError) return { state: 'not told' }
    const { snapshot, restore } = found
    if (restore) return { state: restore.status, outcome: restore.error?.outcome }
    return { state: snapshot.state === 'ready' ? 'done' : snapshot.state }
  }

  return {
    service,
    proxy,
    attempt,
    async seeThrough(first) {
      const { operation, outcome } =
        first instanceof SnapshotError ? first.problem : { ...first, outcome: undefined }
      if (operation === undefined) return { state: 'refused', outcome }
      let ended: Ended = { state: 'creating' }
      for (let tries = 0; tries < 10 && !['done', 'failed'].includes(ended.state); tries++)
        ended = await look(operation)
      return ended
    },
    async close() {
      await service.close()
      await provider.close?.()
    },
    shows(text) {
      const written = readdirSync(directory, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'))
      const spoken = [inspect(said, { depth: 20, showHidden: true }), JSON.stringify(said)]
      return [...spoken, ...written].some((each) => each.includes(text))
    },
  }
}
