import type { FetchImplementation } from 'jose'
import type { AccessFile } from '../../config/access.ts'
import type { Listening } from '../../config/listening.ts'
import type { Log } from '../../snapshots/provider.ts'
import type { Gate } from '../gate.ts'
import { createGuardedGate } from './guarded-gate.ts'
import { createOpenGate } from './open-gate.ts'

export { approverKeyPath, loadApproverKey } from './approver-key.ts'

export interface GateOptions {
  listening: Pick<Listening, 'host' | 'port' | 'publicUrl'>
  /** As it is now; absent on a loopback address only. */
  access: (() => AccessFile) | undefined
  /** Where the key of the approval page lies, where there is no access file. */
  home: string
  /** Who calls where there is no access file. */
  localPrincipal: string
  /** Milliseconds. */
  clock: () => number
  log: Log
  /** Fetches the keys of the OAuth issuer. */
  fetch?: FetchImplementation
}

/** INVALID_ARGUMENT for an access file that nobody could come in by. */
export const createGate = ({ access, ...rest }: GateOptions): Gate =>
  access ? createGuardedGate({ access, ...rest }) : createOpenGate(rest)
