import { assembly } from './assembly.ts'
import { audit } from './audit.ts'
import { clouds } from './clouds.ts'
import type { Layer } from './mutant.ts'
import { people } from './people.ts'
import { plans } from './plans.ts'
import { policy } from './policy.ts'
import { quotas } from './quotas.ts'
import { state } from './state.ts'
import { surface } from './surface.ts'
import { wayBack } from './way-back.ts'

/** In the order in which a call meets them. */
export const LAYERS: readonly Layer[] = [
  surface,
  policy,
  quotas,
  wayBack,
  plans,
  people,
  audit,
  state,
  assembly,
  clouds,
]
