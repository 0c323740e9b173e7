import { CreateReply } from '../../snapshots/replies.ts'
import { CreateArgs } from '../../snapshots/requests.ts'
import { defineTool } from './define-tool.ts'
import { receiptLines } from './receipt.ts'
import { snapshotLine } from './wording.ts'

export const create = defineTool({
  name: 'snapshot_create',
  title: 'Create a snapshot',
  description:
    'Save a snapshot (checkpoint, save point, backup) of a directory before a risky change. Unchanged files are reused. The receipt says what was captured and what was skipped.',
  operation: 'create',
  args: CreateArgs,
  reply: CreateReply,
  run: (service, args, caller) => service.create(args, caller),
  render: ({ status, snapshot, receipt }) =>
    [
      `${status === 'done' ? 'Saved' : 'Being saved'}: ${snapshotLine(snapshot)}`,
      ...(receipt === undefined ? [] : receiptLines(receipt)),
      status === 'done'
        ? `To see what changed since: snapshot_diff {"from":"${snapshot.id}"}. To go back: snapshot_restore {"snapshot":"${snapshot.id}"}.`
        : `Wait for it with snapshot_get {"snapshot":"${snapshot.id}","wait_seconds":50}.`,
    ].join('\n'),
})
