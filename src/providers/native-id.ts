import type { Snapshot } from '../snapshots/model.ts'

/** What the vendor calls it: ours has the provider before it. */
export const nativeId = ({ id, provider }: Pick<Snapshot, 'id' | 'provider'>) => id.slice(provider.length + 1)
