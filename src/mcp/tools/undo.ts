import { plain } from '../../snapshots/plain.ts'
import { UndoReply } from '../../snapshots/replies.ts'
import { UndoArgs } from '../../snapshots/requests.ts'
import { defineTool } from './define-tool.ts'
import { changedLines, planLines, undoLine, verifiedLines, warningLines } from './wording.ts'

const name = 'snapshot_undo'

export const undo = defineTool({
  name,
  title: 'Undo a restore or delete',
  description: 'Undo (reverse) a restore or a delete by its operation id, and say how to undo that in turn.',
  operation: 'destructive',
  args: UndoArgs,
  reply: UndoReply,
  run: (service, args, caller) => service.undo(args, caller),
  render: (reply) =>
    reply.status === 'done'
      ? [
          `Undone: ${plain(reply.undid ?? 'the operation')}${reply.operation === undefined ? '' : ` (${reply.operation})`}.`,
          ...changedLines(reply.changed),
          ...verifiedLines(reply.verified),
          ...warningLines(reply.warnings),
          ...undoLine(reply.undo),
        ].join('\n')
      : planLines(name, reply).join('\n'),
})
