import { PROVIDER_NAMES } from '../providers/index.ts'
import { fail } from '../snapshots/errors.ts'

/** Each once. INVALID_ARGUMENT for a name that no provider has. */
export function knownProviders(names: readonly string[]): readonly string[] {
  const unknown = names.find((name) => !PROVIDER_NAMES.includes(name))
  if (unknown !== undefined)
    throw fail(
      'INVALID_ARGUMENT',
      `There is no provider ${JSON.stringify(unknown)}.`,
      `Known: ${PROVIDER_NAMES.join(', ')}.`,
    )
  return [...new Set(names)]
}
