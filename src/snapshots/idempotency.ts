import { z } from 'zod'
import { digest } from '../guard/digest.ts'
import type { Environment } from './environment.ts'
import { fail } from './errors.ts'

/** Which operation a caller's key stands for. */
const Key = z.object({ args_digest: z.string(), operation: z.string() })

export interface KeyClaim {
  principal: string
  key: string
  /** Without the key itself and what only says how long to wait. */
  args: unknown
  /** The operation that wants to run, already on record: a key always names an operation that exists. */
  operation: string
}

/**
 * Decides which operation a key belongs to: the claimant's, or the one of an earlier call, whose result then stands.
 * CONFLICT when that call had other arguments. A key whose operation changed nothing is free again.
 */
export async function claimKey(env: Environment, claim: KeyClaim): Promise<string> {
  const { state } = env
  const { principal, key, operation } = claim
  const id = digest([principal, key])
  const wanted: z.infer<typeof Key> = { args_digest: digest(claim.args), operation }
  for (;;) {
    const found = await state.read('idempotency', id)
    const { data: earlier } = Key.safeParse(found?.value)
    if (earlier && earlier.args_digest !== wanted.args_digest) throw otherArguments(earlier.operation)
    if (earlier && !(await changedNothing(env, earlier.operation, principal))) return earlier.operation
    if (await state.write('idempotency', id, wanted, found?.version ?? 0)) return operation
    // Somebody else was first: see who.
  }
}

/** Whether this key stands for an operation of an earlier call, so that nothing would be made anew. */
export async function isRepeat(env: Environment, principal: string, key: string | undefined) {
  if (key === undefined) return false
  const found = await env.state.read('idempotency', digest([principal, key]))
  const { data: earlier } = Key.safeParse(found?.value)
  return earlier !== undefined && !(await changedNothing(env, earlier.operation, principal))
}

async function changedNothing({ operations }: Environment, earlier: string, principal: string) {
  const found = await operations.find(earlier, principal)
  if (!found) return true
  return found.operation.state === 'failed' && found.operation.error?.outcome === 'not_started'
}

function otherArguments(operation: string) {
  return fail(
    'CONFLICT',
    `This idempotency_key was used by ${operation} with other arguments. Nothing was done.`,
    'Use a new key for a new snapshot, or repeat the first call exactly.',
    { operation },
  )
}
