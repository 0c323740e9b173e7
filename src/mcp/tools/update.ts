import { SnapshotReply } from '../../snapshots/replies.ts'
import { UpdateArgs } from '../../snapshots/requests.ts'
import { defineTool } from './define-tool.ts'
import { snapshotLine } from './wording.ts'

export const update = defineTool({
  name: 'snapshot_update',
  title: 'Update a snapshot',
  description: 'Rename, label, annotate, protect, activate or set the expiry of a snapshot.',
  operation: 'update',
  args: UpdateArgs,
  reply: SnapshotReply,
  run: (service, args, caller) => service.update(args, caller),
  render: ({ snapshot }) => `Updated: ${snapshotLine(snapshot)}`,
})
