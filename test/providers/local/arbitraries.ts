import * as fc from 'fast-check'
import { isEntryName } from '../../../src/providers/local/names.ts'
import { type Entry, SKIP_REASONS } from '../../../src/providers/local/tree.ts'
import { AWKWARD_NAMES } from '../../support/trees.ts'

const SECOND = 1_000_000_000n

export const hex = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((id) => Buffer.from(id).toString('hex'))

const name = fc.oneof(
  fc.constantFrom(...AWKWARD_NAMES),
  fc
    .uint8Array({ min: 1, max: 255, minLength: 1, maxLength: 20 })
    .map((bytes) => Buffer.from(bytes).toString('latin1'))
    .filter((text) => isEntryName(text)),
)

const meta = {
  name,
  mode: fc.nat(0o7777),
  uid: fc.nat(),
  gid: fc.nat(),
  mtime: fc.bigInt({ min: -(2n ** 31n) * SECOND, max: 2n ** 40n * SECOND }),
}

const entry: fc.Arbitrary<Entry> = fc.oneof(
  fc.record({
    type: fc.constant('file' as const),
    ...meta,
    size: fc.maxSafeNat(),
    content: hex,
    chunked: fc.boolean(),
  }),
  fc.record({ type: fc.constant('directory' as const), ...meta, tree: hex }),
  fc.record({ type: fc.constant('symlink' as const), ...meta, target: name }),
  fc.record({ type: fc.constant('skipped' as const), name, reason: fc.constantFrom(...SKIP_REASONS) }),
)

/** What one directory may hold: names once each, in byte order. */
export const entries: fc.Arbitrary<Entry[]> = fc
  .uniqueArray(entry, { maxLength: 12, selector: ({ name }) => name })
  .map((all) => all.sort((a, b) => (a.name < b.name ? -1 : 1)))

/** Something done to bytes by a bad disk or a bad person. */
export const damage = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant('flip' as const), at: fc.nat(), bit: fc.nat(7) }),
    fc.record({
      do: fc.constant('set' as const),
      at: fc.nat(),
      value: fc.constantFrom(0, 1, 0x7f, 0x80, 0xff),
    }),
    fc.record({ do: fc.constant('cut' as const), at: fc.nat() }),
    fc.record({ do: fc.constant('insert' as const), at: fc.nat(), bytes: fc.uint8Array({ maxLength: 12 }) }),
  ),
  { minLength: 1, maxLength: 4 },
)
export type Damage = typeof damage extends fc.Arbitrary<infer T> ? T : never

export function spoil(bytes: Buffer, what: Damage): Buffer {
  let spoilt = Buffer.from(bytes)
  for (const step of what) {
    const at = step.at % (spoilt.length + 1)
    if (step.do === 'cut') spoilt = spoilt.subarray(0, at)
    else if (step.do === 'insert')
      spoilt = Buffer.concat([spoilt.subarray(0, at), step.bytes, spoilt.subarray(at)])
    else if (at < spoilt.length)
      spoilt[at] = step.do === 'flip' ? (spoilt[at] as number) ^ (1 << step.bit) : step.value
  }
  return spoilt
}
