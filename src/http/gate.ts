import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Use } from '../config/access.ts'
import type { Identity } from './identity.ts'

/** Asks who comes, before the body of a request is read. */
export interface Gate {
  /** By the Authorization header alone. Throws a Refusal: 401, 403, or 503 where nobody can be told apart just now. */
  identify(req: Pick<IncomingMessage, 'headers'>, use: Use): Promise<Identity>
  /** The same for a token that a person typed. */
  identifyToken(token: string, use: Use): Promise<Identity>
  /** Answers the addresses where clients learn who gives out tokens. False where it is none of them. */
  answerMetadata(req: IncomingMessage, res: ServerResponse, path: string): boolean
  /** The address of that document, for challenges; absent where there is no issuer. */
  readonly metadataUrl?: string
}
