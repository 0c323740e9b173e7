import { access, constants, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Backend, Changes } from './backend.ts'
import { createFileStore } from './file-store.ts'
import { createChanges } from './local-changes.ts'
import { loadStateKey } from './state-key.ts'
import { createWindow } from './window.ts'

/** State in a directory of this machine. Records are shared by every process on it, changes and counts are not. */
export function createFileBackend({ directory, clock }: { directory: string; clock: () => number }): Backend {
  const changes = new Map<string, Changes>()
  const window = createWindow(() => performance.now())
  const directoryOf = (tenant?: string) =>
    tenant === undefined ? directory : join(directory, 'tenants', tenant)
  return {
    shared: false,
    store: (tenant) => createFileStore({ directory: directoryOf(tenant), clock }),
    changes(tenant = '') {
      const own = changes.get(tenant) ?? createChanges()
      changes.set(tenant, own)
      return own
    },
    key: (tenant) => loadStateKey(directoryOf(tenant)),
    admit: async (who, most) => window.admit(who, most),
    async check() {
      await mkdir(directory, { recursive: true, mode: 0o700 })
      await access(directory, constants.R_OK | constants.W_OK)
    },
    close: async () => {},
  }
}
