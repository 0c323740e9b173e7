import type { Capabilities, UpdateRequest } from '../../../src/snapshots/provider.ts'

/** One of each field that an update may have. */
export const CHANGES: Record<Capabilities['update'][number], UpdateRequest> = {
  name: { name: 'x' },
  note: { note: 'x' },
  labels: { labels: {} },
  ttl: { expires_at: null },
  protected: { protected: true },
  active: { active: true },
  add_regions: { add_regions: ['x'] },
}
