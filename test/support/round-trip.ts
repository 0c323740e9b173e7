import { expect } from 'vitest'
import { confirmed } from './confirm.ts'
import { differences, picture } from './oracle.ts'
import type { Sandbox } from './sandbox.ts'

/** Save, let something happen, restore in place; the picture must be the one from before. */
export async function roundTrip(box: Sandbox, happen: () => void) {
  const client = await box.open()
  const before = picture(box.root)
  const { snapshot, receipt } = await client.call('snapshot_create')
  happen()
  await confirmed(client, 'snapshot_restore', { snapshot: snapshot.id })
  expect(differences(before, picture(box.root))).toEqual([])
  return receipt!
}
