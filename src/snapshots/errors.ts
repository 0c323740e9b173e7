import { z } from 'zod'

/** Every way a call can fail, as the caller sees it. `docs/errors.md` is generated from this table. */
export const ERROR_CODES = {
  INVALID_ARGUMENT: 'An argument is missing, unknown, of the wrong type or out of range.',
  NOT_FOUND: 'The snapshot, source or operation does not exist, or is not visible to this caller.',
  ALREADY_EXISTS: 'Something with this name or path is already there.',
  CONFLICT: 'The call contradicts the present state or an earlier call.',
  UNSUPPORTED: 'This provider cannot do that; the hint names an alternative.',
  POLICY_DENIED: 'The operator does not allow this.',
  PROTECTED: 'The snapshot is protected and cannot be deleted.',
  CONFIRMATION_REQUIRED: 'A confirmation is needed before this can run.',
  PLAN_NOT_FOUND: 'No such confirmation for this caller.',
  PLAN_EXPIRED: 'The confirmation is too old.',
  PLAN_MISMATCH: 'The confirmation was issued for another operation, target or arguments.',
  PLAN_STALE: 'The live state changed after the plan was made; a fresh plan is attached.',
  PLAN_CONSUMED: 'The confirmation was already used; the first outcome stands.',
  APPROVAL_REQUIRED: 'A person must approve this outside the chat.',
  APPROVAL_DECLINED: 'A person said no, or nobody answered in time.',
  UNAUTHENTICATED: 'No valid credential was given.',
  FORBIDDEN: 'The credential or the file permissions do not allow this.',
  RATE_LIMITED: 'Too many calls in a short time.',
  QUOTA_EXCEEDED: 'A configured or vendor limit is reached.',
  TIMEOUT: 'It took longer than allowed.',
  NETWORK: 'The provider could not be reached.',
  PROVIDER_UNAVAILABLE: 'The provider is down or refuses work for now.',
  PROVIDER_BUG: 'The provider answered something it should not.',
  CORRUPT: 'Stored data does not match its hash.',
  NO_SPACE: 'The disk is full.',
  SAFETY_SNAPSHOT_FAILED: 'The state before a restore could not be saved, so the restore did not start.',
  BUSY: 'Another operation works on the same target.',
  CANCELLED: 'The caller cancelled.',
  INTERNAL: 'A defect in this server.',
} as const

export type ErrorCode = keyof typeof ERROR_CODES

/** Codes that no part of this version answers with yet. They have their meaning already, for clients to rely on. */
export const RESERVED: ReadonlySet<ErrorCode> = new Set(['CONFIRMATION_REQUIRED'])

/** Whether anything was changed: nothing yet, some of it, or we cannot tell. */
export const Outcome = z.enum(['not_started', 'unknown', 'partial'])
export type Outcome = z.infer<typeof Outcome>

/** What a caller gets to see of a failure: no raw exception text, no secret, no path outside the roots. */
export interface Problem {
  code: ErrorCode
  /** What happened, and whether anything changed. */
  message: string
  /** The next call to make. */
  hint: string
  retryable: boolean
  retry_after_ms?: number
  outcome: Outcome
  provider?: string
  status?: number
  request_id?: string
  operation?: string
  /** Of work that goes on, or of which nobody knows yet what came of it: `snapshot_get` waits on this id. */
  pending?: string
  /** With PLAN_STALE: the fresh confirmation reply to show instead. */
  fresh?: unknown
  /** With a partial outcome: what was done and what was not. */
  details?: unknown
}

export class SnapshotError extends Error {
  override readonly name = 'SnapshotError'
  readonly problem: Problem

  constructor(problem: Problem, cause?: unknown) {
    super(problem.message, { cause })
    this.problem = problem
  }

  get code(): ErrorCode {
    return this.problem.code
  }
}

const RETRYABLE: ReadonlySet<ErrorCode> = new Set([
  'BUSY',
  'TIMEOUT',
  'NETWORK',
  'PROVIDER_UNAVAILABLE',
  'PLAN_STALE',
])

/** Builds the error to throw. `outcome` defaults to `not_started`, `retryable` follows from the code. */
export function fail(
  code: ErrorCode,
  message: string,
  hint: string,
  more: Partial<Omit<Problem, 'code' | 'message' | 'hint'>> & { cause?: unknown } = {},
): SnapshotError {
  const { cause, ...rest } = more
  return new SnapshotError(
    { code, message, hint, retryable: RETRYABLE.has(code), outcome: 'not_started', ...rest },
    cause,
  )
}

/** For what comes before any change: of a failure in there it is known that nothing was started. */
export async function beforeChange<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (!(error instanceof SnapshotError) || error.problem.outcome !== 'unknown') throw error
    throw new SnapshotError({ ...error.problem, outcome: 'not_started' }, error.cause ?? error)
  }
}

/**
 * The problem behind anything that was thrown. What we did not foresee becomes INTERNAL without its text:
 * exception messages may hold paths or secrets; the log on stderr keeps them.
 */
export function toProblem(error: unknown): Problem {
  if (error instanceof SnapshotError) return error.problem
  return fail(
    'INTERNAL',
    'The server failed in a way it did not foresee; it is not known whether anything changed.',
    'Call snapshot_status to see the last operations. The server log on stderr has the details.',
    { outcome: 'unknown' },
  ).problem
}
