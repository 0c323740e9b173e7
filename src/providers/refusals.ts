import { fail } from '../snapshots/errors.ts'
import type { Snapshot } from '../snapshots/model.ts'
import { plain, someNames } from '../snapshots/plain.ts'
import type { Vendor } from './cloud.ts'

/** What the providers of clouds refuse for the same reasons, in the same words. */

type Tool = 'snapshot_create' | 'snapshot_restore'

export const noSnapshot = (id: string, { provider }: Vendor) =>
  fail(
    'NOT_FOUND',
    `There is no snapshot ${plain(`${provider}:${id}`, 120)}. Nothing was changed.`,
    'snapshot_list shows what is there.',
    { provider },
  )

/** To take up what had sent nothing. */
export const neverBegun = (tool: Tool, { provider, title }: Vendor) =>
  fail(
    'NETWORK',
    `The process ended before its request had reached ${title}. Nothing was made.`,
    `Call ${tool} again if it is still wanted.`,
    { provider },
  )

/** @param what What was begun, at the beginning of a sentence. */
export const deletedMeanwhile = (what: string, tool: Tool, { provider }: Vendor, cause?: unknown) =>
  fail(
    'CONFLICT',
    `${what} was begun, and then deleted by somebody else. Nothing is left of it.`,
    `Call ${tool} again if it is still wanted.`,
    { provider, cause },
  )

export const stalePlan = ({ provider, title }: Vendor) =>
  fail(
    'PLAN_STALE',
    `Something has changed at ${title} since the plan was made. Nothing was changed by this call.`,
    'Call snapshot_restore again to see the plan as it is now.',
    { provider },
  )

/** PROTECTED when any of them is. */
export function checkUnprotected(snapshots: readonly Snapshot[], vendor: Vendor): void {
  const kept = snapshots.filter((each) => each.protected)
  if (kept.length > 0) throw protectedOnes(kept, vendor)
}

export const protectedOnes = (kept: readonly Pick<Snapshot, 'name'>[], { provider }: Vendor) =>
  fail(
    'PROTECTED',
    `Protected${someNames(kept.map(({ name }) => name))}. Nothing was deleted of that.`,
    'Leave out what is protected. Only a person can lift the protection, with snapshot-mcp unprotect.',
    { provider },
  )

/** @param what What is to be made. */
export const meaninglessOption = (
  option: string,
  what: string,
  taken: readonly string[],
  { provider }: Vendor,
) =>
  fail(
    'INVALID_ARGUMENT',
    `"${option}" means nothing for ${what}. Nothing was changed.`,
    `Leave it out. For ${what} there is: ${taken.join(', ')}.`,
    { provider },
  )
