import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort, type Prism, startPrism } from '../emulators/prism.ts'
import { withVendor } from '../emulators/vendor.ts'
import { describeProvider, type Subject } from '../provider-conformance.ts'
import { daytonaSubject } from './conformance/daytona.ts'
import { dropletSubject, volumeSubject } from './conformance/digitalocean.ts'
import { morphSubject } from './conformance/morph.ts'

interface Vendor {
  /** The file with its API description. */
  spec: string
  /** Of the path that the description leaves out. */
  base: string
  /** It says nothing about most refusals. */
  lenient?: true
  subjects: Record<string, (options: { port: number }, address: string) => Promise<Subject>>
}

const VENDORS: Vendor[] = [
  { spec: 'morph.openapi.json', base: '/api', subjects: { morph: morphSubject } },
  { spec: 'daytona.openapi.json', base: '/api', lenient: true, subjects: { daytona: daytonaSubject } },
  {
    spec: 'digitalocean.openapi.json',
    base: '',
    subjects: { 'digitalocean (of a Droplet)': dropletSubject, 'digitalocean (of a volume)': volumeSubject },
  },
]

// One emulator after the other listens where the proxy looks for it.
withVendor('With a proxy in between that holds every exchange against the API description', () => {
  describe.each(VENDORS)('$spec', ({ spec, base, lenient, subjects }) => {
    let prism: Prism
    let port: number
    beforeAll(async () => {
      port = await freePort()
      prism = await startPrism(spec, `http://127.0.0.1:${port}${base}`)
    })
    afterAll(() => prism?.stop())

    for (const [name, subject] of Object.entries(subjects))
      describeProvider(name, () => subject({ port }, prism.url))

    test('nothing that was said on either side was against it', async () => {
      expect(await prism.violations(lenient && 'lenient')).toEqual([])
    })
  })
})
