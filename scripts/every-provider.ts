import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readAccounts } from '../src/config/accounts.ts'
import { CREDENTIALS } from '../src/config/credentials.ts'
import { createRegistry, PROVIDER_NAMES } from '../src/providers/index.ts'
import type { Provider } from '../src/snapshots/provider.ts'

/** Every provider, for what it says of itself: made with keys that nobody has, and without a directory. */
export async function everyProvider(): Promise<Provider[]> {
  const keys = CREDENTIALS.filter(({ part }) => part === 'key').map(({ variable }) => [variable, 'nobody'])
  const silent = () => {}
  const registry = createRegistry(PROVIDER_NAMES, {
    home: join(tmpdir(), 'nobody'),
    roots: [],
    trashWindowMs: 0,
    expirable: (due) => due,
    specialModes: 'strip',
    accounts: readAccounts(PROVIDER_NAMES, Object.fromEntries(keys)),
    safetySnapshots: true,
    clock: Date.now,
    log: { debug: silent, info: silent, warn: silent, error: silent },
  })
  return Promise.all(PROVIDER_NAMES.map((name) => registry.get(name)))
}
