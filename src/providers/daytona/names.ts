import { fail } from '../../snapshots/errors.ts'
import { quotedName } from '../../snapshots/plain.ts'
import type { CreateRequest } from '../../snapshots/provider.ts'
import { LONGEST_NAME } from './assumptions.ts'

/** What the server takes as the name of a snapshot. */
export const NAMES = {
  pattern: '^[a-zA-Z0-9_.\\-:]+(\\/[a-zA-Z0-9_.\\-:]+)*(@sha256:[a-f0-9]{64})?$',
  max: LONGEST_NAME,
}
const NAME = new RegExp(NAMES.pattern)

/** A name is all that a snapshot has: this is how our own safety snapshots are known. */
const AUTO = 'snapshot-mcp.auto.'

export const isAuto = (name: string) => name.startsWith(AUTO)

/** The name at the vendor. INVALID_ARGUMENT for one that it would not take, or that no address could hold. */
export function nameFor({ name: wanted, auto }: Pick<CreateRequest, 'name' | 'auto'>): string {
  const name = auto ? AUTO + wanted : wanted
  if (isAddressable(name) && name.length <= NAMES.max && auto === isAuto(name)) return name
  throw fail(
    'INVALID_ARGUMENT',
    `Daytona does not take ${quotedName(wanted)} as the name of a snapshot. Nothing was changed.`,
    `Use letters, digits, dots, hyphens, underscores, colons and slashes, at most ${NAMES.max}.`,
  )
}

/** Whether something can be called that, and be addressed by it: dots alone lead elsewhere. Ids are among them. */
export const isAddressable = (idOrName: string) =>
  NAME.test(idOrName) && !idOrName.split('/').some((part) => /^\.{1,2}$/.test(part))

/** The names of the sandboxes of one restore: given, or made of the snapshot's and the operation. */
export function copyNames(
  { to, count }: { to?: string; count: number },
  snapshot: string,
  operation: string,
): string[] {
  const base = to ?? `${handy(snapshot)}-${operation.replace(/^op_/, '').slice(0, 16)}`
  return count === 1 ? [base] : Array.from({ length: count }, (_, index) => `${base}-${index + 1}`)
}

function handy(name: string): string {
  const short = name.replace(/@sha256:.*/, '').replace(/[^a-zA-Z0-9]+/g, '-')
  return short.slice(0, 40).replace(/^-+|-+$/g, '') || 'snapshot'
}
