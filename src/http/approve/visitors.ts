import type { IncomingMessage } from 'node:http'
import type { Gate } from '../gate.ts'
import type { Limits } from '../limits.ts'
import { Refusal } from '../refusal.ts'
import { signInPage } from './forms.ts'
import { type Html, html, shown } from './html.ts'
import type { Page, Visitor } from './layout.ts'

/**
 * Who comes to the approval page. Nobody stays signed in: a browser sends a cookie to every port of a host, and so to the
 * servers that an agent starts there. A typed token lives in the form of one plan, and is asked about each time.
 */
export interface Visitors {
  /** By a bearer token in the header, which a proxy may have put there. Throws as the gate does. */
  byHeader(req: IncomingMessage): Promise<Visitor | undefined>
  /** By a token that was typed. Throws as the gate does. */
  byToken(req: IncomingMessage, token: string): Promise<Visitor>
}

export function createVisitors({ gate, identify }: { gate: Gate; identify: Limits['identify'] }): Visitors {
  return {
    async byHeader(req) {
      // What else a proxy asks browsers for, such as a password of its own, is none of our business.
      if (!/^bearer /i.test(req.headers.authorization ?? '')) return undefined
      return { identity: await identify(req, () => gate.identify(req, 'approve')) }
    },
    async byToken(req, token) {
      return { identity: await identify(req, () => gate.identifyToken(token, 'approve'), true), token }
    },
  }
}

/** The form for a token again, for one that is not taken (401, 403). Throws any other error. */
export function notSignedIn(error: unknown, code: string): Page {
  if (!(error instanceof Refusal) || (error.status !== 401 && error.status !== 403)) throw error
  const { status, headers, problem } = error
  const wrong: Html =
    status === 401 ? NOT_TAKEN : html`${shown(problem.message, 300)} ${shown(problem.hint, 300)}`
  return signInPage({ code, wrong, status, headers })
}

const NOT_TAKEN = html`This token is not taken here: it is mistyped, too old, taken back, or for another server. Nothing was decided.`
