import { Scope, type Use } from '../../config/access.ts'
import type { Log } from '../../snapshots/provider.ts'
import type { Gate } from '../gate.ts'
import type { Identity } from '../identity.ts'
import { unauthenticated, undecided } from './answers.ts'
import { isApproverKey } from './approver-key.ts'
import { bearerOf } from './bearer.ts'

export interface OpenGateOptions {
  home: string
  /** Whoever calls: the user of the operating system, as on stdin. */
  localPrincipal: string
  log: Log
}

/** Without an access file, on a loopback address: everybody is the user of this machine, but for what needs a person. */
export function createOpenGate({ home, localPrincipal, log }: OpenGateOptions): Gate {
  const identity = (uses: readonly Use[]): Identity => ({
    principal: localPrincipal,
    place: {},
    scopes: Scope.options,
    uses,
  })

  async function approver(token: string | undefined): Promise<Identity> {
    const isRight = await isApproverKey(home, token ?? '').catch((error) => {
      log.error('The key of the approval page cannot be used', { error })
      throw undecided()
    })
    if (!isRight) throw unauthenticated(token !== undefined, {})
    return identity(['approve'])
  }

  const enter = async (token: string | undefined, use: Use) =>
    use === 'approve' ? approver(token) : identity(['mcp', 'metrics'])
  return {
    identify: async (req, use) => enter(bearerOf(req), use),
    identifyToken: enter,
    answerMetadata: () => false,
  }
}
