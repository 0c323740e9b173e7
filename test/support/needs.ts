import { describe } from 'vitest'

/**
 * `describe` for what needs something that not every machine has. Where that is missing its tests are skipped under a
 * title that says why, and a line on stderr says so as well: reporters show only how many were skipped.
 */
export function describeWith(missing: string | undefined, title: string, body: () => void): void {
  if (missing === undefined) {
    describe(title, body)
    return
  }
  const why = `${title}: NOT TESTED, for want of ${missing}`
  process.stderr.write(`*** ${why} ***\n`)
  describe.skip(why, body)
}
