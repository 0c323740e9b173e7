import { expect } from 'vitest'
import type { Snapshot } from '../../../src/snapshots/model.ts'
import type { UpdateRequest } from '../../../src/snapshots/provider.ts'
import { refusal } from '../../snapshots/world.ts'
import { CHANGES } from './changes.ts'
import {
  all,
  type Check,
  canUpdate,
  context,
  everything,
  foreign,
  keeps,
  named,
  native,
  type Subject,
  save,
} from './subject.ts'

const EXPIRY = '2100-01-01T00:00:00.000Z'

export const updating: Check[] = [
  ...each('name', (s) => ({ name: named(s, 'renamed') })),
  ...each('note', () => ({ note: 'noted' })),
  ...each('labels', () => ({ labels: { only: 'this' } })),
  ...each('ttl', () => ({ expires_at: EXPIRY })),
  ...each('protected', () => ({ protected: true })),
  {
    name: 'an update of one snapshot is not one of another',
    needs: canUpdate('name'),
    async run(s) {
      const one = await save(s)
      const two = await save(s)
      await s.provider.update?.(native(one), { name: named(s, 'renamed') }, context())
      expect(await s.provider.get(native(two), context())).toEqual(two)
    },
  },
  {
    name: 'an update that only other kinds of snapshots can have is refused, and nothing changes',
    needs: ({ less }) => less?.update !== undefined,
    async run(s) {
      const saved = await save(s)
      const before = await everything(s)
      const fields = s.provider.capabilities.update.filter((field) => !canUpdate(field)(s))
      expect(fields).not.toEqual([])
      for (const field of fields) {
        const update = s.provider.update?.(native(saved), CHANGES[field], context())
        await refusal(update as Promise<unknown>, 'UNSUPPORTED')
      }
      expect(await everything(s)).toEqual(before)
    },
  },
  {
    name: 'an expiry can be taken back',
    needs: (s) => keeps('ttl')(s) && canUpdate('ttl')(s),
    async run(s) {
      const saved = await save(s, { expires_at: EXPIRY })
      expect(saved.expires_at).toBe(EXPIRY)
      await s.provider.update?.(native(saved), { expires_at: null }, context())
      expect(await s.provider.get(native(saved), context())).not.toHaveProperty('expires_at')
    },
  },
]

/** The field is changed, the others are kept, and so it still is later. */
function each(field: string, changeOf: (s: Subject) => UpdateRequest): Check[] {
  return [
    {
      name: `an update of ${field} lasts, and changes nothing else`,
      needs: canUpdate(field),
      async run(s) {
        const saved = await save(s, { name: 'as it was', note: 'old', labels: { team: 'blue' } })
        const state = await s.state(s.source)
        const change = changeOf(s)
        const updated = (await s.provider.update?.(native(saved), change, context())) as Snapshot
        const native_ = foreign(s) ? updated.native : saved.native
        expect(updated).toEqual({ ...saved, ...change, native: native_ })
        expect(await s.provider.get(native(saved), context())).toEqual(updated)
        expect(await all(s)).toEqual([updated])
        expect(await s.state(s.source)).toBe(state)
      },
    },
  ]
}
