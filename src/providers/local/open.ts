import type { KeySource } from '../../config/values.ts'
import type { Provider } from '../../snapshots/provider.ts'
import { createLocalProvider, type LocalOptions } from './index.ts'
import { loadKey } from './store/key.ts'

/** The local provider as the operator set it up. Only now the key is asked for: a server that lists its tools needs none. */
export async function openLocalProvider({
  encrypt,
  ...options
}: Omit<LocalOptions, 'key'> & { encrypt?: KeySource }): Promise<Provider> {
  return createLocalProvider({ ...options, ...(encrypt !== undefined && { key: await loadKey(encrypt) }) })
}
