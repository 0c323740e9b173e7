import { describe, expect, test } from 'vitest'
import { MISHAPS } from './mishaps.ts'
import { type Deed, survive } from './sweep.ts'
import type { Vendor } from './vendors.ts'

export type Case = [name: string, deed: Deed, open: () => Promise<Vendor>]

/** Every mishap at every exchange. Each vendor has a file of its own, so that they run side by side. */
export function describeChaos(cases: readonly Case[]): void {
  describe.each(cases)('%s', (_name, deed, open) => {
    let exchanges: number | undefined
    const undisturbed = async () => {
      exchanges ??= await survive(await open(), deed)
      return exchanges
    }

    test('happens once when nothing goes wrong', async () => {
      expect(await undisturbed()).toBeGreaterThan(0)
    })

    test.each(MISHAPS)(
      'happens once or not at all, and is known to have, with $name at any exchange',
      async (mishap) => {
        const places = Array.from({ length: await undisturbed() }, (_, at) => at)
        // They mostly wait: side by side they take as long as one.
        await Promise.all(places.map(async (at) => survive(await open(), deed, mishap, at)))
      },
      120_000,
    )
  })
}
