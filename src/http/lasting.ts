import type { ServerResponse } from 'node:http'
import { isDeepStrictEqual } from 'node:util'
import type { Identity } from './identity.ts'
import { Refusal } from './refusal.ts'

/** How long a stream may outlive the credential that it was opened with (ms). */
const ASK_AGAIN_MS = 60_000

/**
 * Asks now and then whether who opened a stream would still be let in, and as the same: a token may be taken back, expire
 * or be given less while its stream is open. Where nobody can be told apart just now, it goes on.
 */
export function lasting(res: ServerResponse, identity: Identity, identify: () => Promise<Identity>): void {
  const isStill = async () => {
    try {
      return isDeepStrictEqual(await identify(), identity)
    } catch (error) {
      return !(error instanceof Refusal && error.status < 500)
    }
  }
  const timer = setInterval(async () => {
    if (!(await isStill())) res.destroy()
  }, ASK_AGAIN_MS).unref()
  res.once('close', () => clearInterval(timer))
}
