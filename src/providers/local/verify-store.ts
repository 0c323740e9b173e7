import type { Context } from '../../snapshots/provider.ts'
import type { VerifyRequest, VerifyResult } from '../../snapshots/upkeep.ts'
import { createDamageReport, refOf } from './damage-report.ts'
import type { Engine } from './engine.ts'
import { createPause } from './pause.ts'
import { createReferences } from './references.ts'

/**
 * Reads the store back: the blocks of every pack, or a random choice of them, and always all manifests and trees and
 * what they refer to. Damage in one place never hides that in another. What is damaged is noted for all processes of the
 * store, so that the next create stores it again if the source still has it.
 *
 * It is about the whole store, whatever the roots of this process are: the operator's disk, not a caller's snapshots.
 */
export async function verifyStore(
  { store: { objects, manifests } }: Pick<Engine, 'store'>,
  { sample = 1 }: VerifyRequest,
  ctx: Context,
  random: () => number = Math.random,
): Promise<VerifyResult> {
  const checked = { snapshots: 0, packs: 0, objects: 0, bytes: 0 }
  const report = createDamageReport()
  const pause = createPause(ctx, {
    report: () => ({
      done: checked.objects + checked.snapshots,
      message: `${checked.objects} objects, ${Math.round(checked.bytes / 1e6)} MB, ${checked.snapshots} snapshots`,
    }),
  })

  const packs = new Set<string>()
  for await (const block of objects.check(() => sample >= 1 || random() < sample)) {
    packs.add(block.pack)
    checked.packs = packs.size
    checked.objects += block.objects
    checked.bytes += block.bytes
    for (const id of block.damaged) report.add('unused object', id)
    if (pause.due()) await pause.take()
  }
  for (const name of objects.damaged()) report.add('pack', name)

  objects.unread()
  manifests.forget()
  const { stored, damaged } = manifests.list()
  for (const { id } of damaged) {
    report.add('manifest', id)
    report.touch(id, { id: `local:${id}`, name: id.slice(0, 12) })
  }
  const references = createReferences(objects, report, pause)
  for (const snapshot of stored) {
    if (!manifests.hasDetails(snapshot.id)) {
      report.add('details', snapshot.id)
      report.touch(snapshot.id, refOf(snapshot))
    }
    await references.check(snapshot)
    checked.snapshots++
  }
  const present = new Set(manifests.list().stored.map(({ id }) => id))
  for (const snapshot of stored) if (present.has(snapshot.id)) await references.trace(snapshot)
  return { checked, ...(sample < 1 && { sampled: sample }), ...report.result() }
}
