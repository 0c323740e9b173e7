import type { Snapshot } from '../../snapshots/model.ts'
import { CreateReply } from '../../snapshots/replies.ts'
import { CreateArgs } from '../../snapshots/requests.ts'
import { defineTool } from './define-tool.ts'
import { planLines } from './plan.ts'
import { receiptLines } from './receipt.ts'
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
    const { status, snapshot, receipt, warnings } = reply
    if (snapshot === undefined) return planLines(name, reply).join('\n')
    return [
      `${status === 'done' ? 'Saved' : 'Being saved'}: ${snapshotLine(snapshot)}`,
      ...(receipt === undefined ? [] : receiptLines(receipt)),
      ...warningLines(warnings),
      status === 'done' ? whatNext(snapshot) : waitFor(snapshot.id),
    ].join('\n')
  },
})

function whatNext({ id, captures }: Snapshot): string {
  if (!captures.includes('files')) return `To go back, or for a copy: snapshot_restore {"snapshot":"${id}"}.`
  return `To see what changed since: snapshot_diff {"from":"${id}"}. To go back: snapshot_restore {"snapshot":"${id}"}.`
}
