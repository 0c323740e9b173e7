import { describe, expect, test } from 'vitest'
import { MISHAPS, survive } from './sweep.ts'
import { daytona, digitalocean, morph, type Vendor } from './vendors.ts'

const CASES: [name: string, open: () => Promise<Vendor>][] = [
  ['Morph, of an instance', () => morph('instance')],
  ['Morph, of an image', () => morph('image')],
  ['Daytona, of a sandbox', () => daytona('sandbox')],
  ['Daytona, of a sandbox, on an older server', () => daytona('sandbox', 'v0.190')],
  ['Daytona, of an image', () => daytona('image')],
  ['DigitalOcean, of a Droplet', () => digitalocean('droplet')],
  ['DigitalOcean, of a Droplet that is switched off for it', () => digitalocean('switched off')],
  ['DigitalOcean, of a volume', () => digitalocean('volume')],
]

describe.each(CASES)('a snapshot at %s', (_name, open) => {
  test('is made once when nothing goes wrong', async () => {
    expect(await survive(await open())).toMatchObject({ state: 'ready' })
  })

  test.each(MISHAPS)(
    'is made once or not at all, and is known to be: $name, at every exchange',
    async (mishap) => {
      const { exchanges } = await survive(await open())
      for (let at = 0; at < exchanges; at++) await survive(await open(), mishap, at)
    },
    120_000,
  )
})
