import { describe, test } from 'vitest'
import { cancelling } from './providers/conformance/cancelling.ts'
import { comparing } from './providers/conformance/comparing.ts'
import { copying } from './providers/conformance/copying.ts'
import { deleting } from './providers/conformance/deleting.ts'
import { listing } from './providers/conformance/listing.ts'
import { losing } from './providers/conformance/losing.ts'
import { restoring } from './providers/conformance/restoring.ts'
import { resuming } from './providers/conformance/resuming.ts'
import { saving } from './providers/conformance/saving.ts'
import type { Check, Subject } from './providers/conformance/subject.ts'
import { updating } from './providers/conformance/updating.ts'

export type { Subject } from './providers/conformance/subject.ts'

export const CHECKS: readonly Check[] = [
  ...[...saving, ...listing, ...updating],
  ...[...restoring, ...copying, ...deleting, ...comparing],
  ...[...resuming, ...cancelling, ...losing],
]

export type Setup = () => Subject | Promise<Subject>

/**
 * The one suite that every provider passes. What a provider does not declare is skipped; what it declares is proved
 * on a fresh subject, by looking at the source without the provider's help.
 */
export function describeProvider(name: string, setup: Setup): void {
  describe(`the ${name} provider keeps the contract`, () => {
    for (const check of CHECKS)
      test(check.name, ({ skip }) => runOn(setup, check, () => skip('not promised')))
  })
}

async function runOn(setup: Setup, check: Check, skip: () => void): Promise<void> {
  const subject = await setup()
  try {
    if (check.needs?.(subject) === false) skip()
    await check.run(subject)
  } finally {
    await subject.provider.close?.()
    await subject.cleanup()
  }
}

/** Names of the checks that a provider fails: how the suite itself is tested. */
export async function failures(setup: Setup): Promise<string[]> {
  const failed: string[] = []
  for (const check of CHECKS) {
    let skipped = false
    const skip = () => {
      skipped = true
      throw new Error('skipped')
    }
    await runOn(setup, check, skip).catch(() => {
      if (!skipped) failed.push(check.name)
    })
  }
  return failed
}
