import type { Created } from '../../src/snapshots/replies.ts'
import type { Service } from '../../src/snapshots/service-api.ts'

/** A service whose creates leave their sources alone, so that nobody is asked about one. */
export type Unasked = Omit<Service, 'create'> & {
  create(...call: Parameters<Service['create']>): Promise<Created>
}

export const unasked = (service: Service) => service as Unasked
