import { plain } from '../../snapshots/plain.ts'
import { SnapshotReply } from '../../snapshots/replies.ts'
import { GetArgs } from '../../snapshots/requests.ts'
import { defineTool } from './define-tool.ts'
import { receiptLines } from './receipt.ts'
import { snapshotLine } from './wording.ts'

export const get = defineTool({
  name: 'snapshot_get',
  title: 'Get one snapshot',
  description:
    'Show one snapshot: state, source, what was captured and skipped, labels, expiry. Can wait for one that is still being made.',
  operation: 'read',
  args: GetArgs,
  reply: SnapshotReply,
  run: (service, args, caller) => service.get(args, caller),
  render: ({ snapshot, receipt }) => {
    const { note, parent_id, error } = snapshot
    return [
      snapshotLine(snapshot),
      ...(note === undefined ? [] : [`Note: ${plain(note, 2000)}`]),
      ...(parent_id === undefined ? [] : [`Parent: ${plain(parent_id)}`]),
      ...(error === undefined ? [] : [`Failed: ${error.code}: ${plain(error.message, 500)}`]),
      ...(receipt === undefined ? [] : receiptLines(receipt)),
    ].join('\n')
  },
})
