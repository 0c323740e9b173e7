import { describe, expect, test } from 'vitest'
import { MISHAPS, survive } from './sweep.ts'
import type { Vendor } from './vendors.ts'

export type Case = [name: string, open: () => Promise<Vendor>]

/** Every mishap at every exchange of a create. Each vendor has a file of its own, so that they run side by side. */
export function describeCreates(cases: readonly Case[]): void {
  describe.each(cases)('a snapshot at %s', (_name, open) => {
    test('is made once when nothing goes wrong', async () => {
      expect(await survive(await open())).toMatchObject({ state: 'ready' })
    })

    test.each(MISHAPS)(
      'is made once or not at all, and is known to be: $name, at every exchange',
      async (mishap) => {
        const { exchanges } = await survive(await open())
        const places = Array.from({ length: exchanges }, (_, at) => at)
        // They mostly wait: side by side they take as long as one.
        await Promise.all(places.map(async (at) => survive(await open(), mishap, at)))
      },
      120_000,
    )
  })
}
