import type { Snapshot } from '../../snapshots/model.ts'
import { CreateReply } from '../../snapshots/replies.ts'
import { CreateArgs } from '../../snapshots/requests.ts'
import { defineTool } from './define-tool.ts'
import { planLines } from './plan.ts'
import { receiptLines } from './receipt.ts'
import { copyLines } from './restored.ts'
import { snapshotLine, waitFor, warningLines } from './wording.ts'

const name = 'snapshot_create'

export const create = defineTool({
  name,
  title: 'Create a snapshot',
  description:
    'Save a snapshot (checkpoint, save point, backup) of a directory, VM, sandbox or volume before a risky change. Tells what was captured and skipped.',
  operation: 'create',
  args: CreateArgs,
  reply: CreateReply,
  run: (service, args, caller) => service.create(args, caller),
  render: (reply) => {
    const { status, snapshot, receipt, targets, warnings } = reply
    if (snapshot === undefined) return planLines(name, reply).join('\n')
    return [
      `${status === 'done' ? 'Saved' : 'Being saved'}: ${snapshotLine(snapshot)}`,
      ...(receipt === undefined ? [] : receiptLines(receipt)),
      ...copyLines(targets),
      ...warningLines(warnings),
      status === 'done' ? whatNext(snapshot) : waitFor(snapshot.id),
    ].join('\n')
  },
})

/** Every system makes something new of its snapshots; in place not all of them restore. */
function whatNext({ id, captures }: Snapshot): string {
  if (!captures.includes('files')) return `To use it: snapshot_restore {"snapshot":"${id}","mode":"new"}.`
  return `To see what changed since: snapshot_diff {"from":"${id}"}. To go back: snapshot_restore {"snapshot":"${id}"}.`
}
