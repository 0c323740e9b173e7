import type { IncomingMessage } from 'node:http'
import { isLoopback } from '../config/listening.ts'
import { Refusal, refuse } from './refusal.ts'

/**
 * Tells somebody who tries one credential after the other to stop, and nobody else: what is good is let in from any
 * address, for many callers may share one with whoever guesses. A credential has 256 random bits, or is signed.
 */
export interface SignIns {
  /**
   * Asks who comes. Throws a Refusal: what `ask` throws, or 429 once too many from there were nobody. `brought` says that
   * there is a credential, where it is not in the header.
   */
  identify<T>(req: IncomingMessage, ask: () => Promise<T>, brought?: boolean): Promise<T>
}

/** Of one address, in a minute. */
const MOST_FAILURES = 30
const MINUTE_MS = 60_000
/** Of more addresses than that, those that failed first are forgotten. */
const MOST_ADDRESSES = 10_000

export function createSignIns({ clock, refused }: { clock: () => number; refused: () => void }): SignIns {
  const failures = new Map<string, { count: number; until: number }>()

  /** Counts one more. */
  function failed(address: string) {
    const before = failures.get(address)
    const now = before && before.until > clock() ? before : { count: 0, until: clock() + MINUTE_MS }
    failures.delete(address)
    const [first] = failures.size < MOST_ADDRESSES ? [] : failures.keys()
    if (first !== undefined) failures.delete(first)
    now.count++
    failures.set(address, now)
    return now
  }

  return {
    async identify(req, ask, brought = req.headers.authorization !== undefined) {
      try {
        return await ask()
      } catch (error) {
        if (!(error instanceof Refusal && error.status === 401)) throw error
        refused()
        // Whoever brings nothing asks how to sign in, as clients do at first.
        if (!brought) throw error
        const { count, until } = failed(addressOf(req))
        if (count <= MOST_FAILURES) throw error
        throw refuse(
          429,
          [
            'RATE_LIMITED',
            'Too many sign-ins from this address have failed.',
            'Come with a credential that is good.',
          ],
          { retry_after_ms: Math.ceil(until - clock()) },
        )
      }
    },
  }
}

/** Behind a proxy on this machine everybody has its address: there the one that the proxy itself has put last counts. */
function addressOf({ socket, headers }: IncomingMessage): string {
  const direct = socket.remoteAddress?.replace(/^::ffff:/, '') ?? ''
  const forwarded = String(headers['x-forwarded-for'] ?? '')
  const last = forwarded.slice(forwarded.lastIndexOf(',') + 1).trim()
  const isHere = isLoopback(direct.includes(':') ? `[${direct}]` : direct)
  return isHere && last !== '' ? last.slice(0, 64) : direct
}
