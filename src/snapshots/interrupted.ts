import type { Source } from './model.ts'
import type { Context, Facts } from './provider.ts'

/** What a provider and the service tell each other about work whose process did not live to see its end. */

/** A create or a restore that has begun. */
export interface Interrupted<Request> {
  operation: string
  /** Milliseconds. */
  started_at: number
  request: Request
  /** What the provider noted last; undefined when it came to nothing that is worth a note. */
  facts: Facts | undefined
}

/** The lock on a target. */
export interface Hold extends Required<Pick<Context, 'stillHeld'>> {
  release(): Promise<void>
}

/** What a provider needs of the service to take up an operation of another process. */
export interface RecoveryHands {
  /** Takes the lock on what that operation was to write to; undefined when somebody else is at work there. */
  hold(target: Source): Promise<Hold | undefined>
  /** Puts the outcome on record. To be awaited before the provider forgets about the operation. */
  settle(recovered: Recovered): Promise<void>
}

export interface Recovered {
  operation: string
  /** `left`: half done, because finishing it would have taken later work along. */
  outcome: 'finished' | 'rolled_back' | 'left'
  /** What happened, in one sentence. */
  message: string
  /** As in RestoreResult. */
  fingerprint?: string
}
