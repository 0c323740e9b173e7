import { plain } from '../../snapshots/plain.ts'
import { UndoReply } from '../../snapshots/replies.ts'
import { UndoArgs } from '../../snapshots/requests.ts'
import { defineTool } from './define-tool.ts'
import { planLines } from './plan.ts'
import { changedLines, isUnchanged, NOTHING_TO_DO, undoLine, verifiedLines, warningLines } from './wording.ts'

const name = 'snapshot_undo'

export const undo = defineTool({
  name,
  title: 'Undo a restore or delete',
  description:
    'Undo (reverse) a restore or a delete by its operation id; can itself be undone. May first answer with a plan to confirm.',
  operation: 'destructive',
  args: UndoArgs,
  reply: UndoReply,
  run: (service, args, caller) => service.undo(args, caller),
  render: (reply) => {
    if (reply.status !== 'done') return planLines(name, reply).join('\n')
    const { operation, undid, changed, verified, undo: back, warnings } = reply
    const done = `Undone: ${plain(undid ?? 'the operation')}${operation === undefined ? '' : ` (${operation})`}.`
    const idle = back === undefined && isUnchanged(changed)
    return [
      ...(idle ? [NOTHING_TO_DO] : [done, ...changedLines(changed)]),
      ...verifiedLines(verified),
      ...warningLines(warnings),
      ...undoLine(back),
    ].join('\n')
  },
})
