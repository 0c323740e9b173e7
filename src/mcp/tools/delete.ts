import { DeleteReply } from '../../snapshots/replies.ts'
import { DeleteArgs } from '../../snapshots/requests.ts'
import { defineTool } from './define-tool.ts'
import { deletionText } from './deletion.ts'

const name = 'snapshot_delete'

export const deleteTool = defineTool({
  name,
  title: 'Delete snapshots',
  description:
    'Delete (remove) snapshots by id: local ones into a trash, from which snapshot_undo brings them back, others for good. May first answer with a plan to confirm.',
  operation: 'destructive',
  args: DeleteArgs,
  reply: DeleteReply,
  run: (service, args, caller) => service.delete(args, caller),
  render: (reply) => deletionText(name, reply),
})
