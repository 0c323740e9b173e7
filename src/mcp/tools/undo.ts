import { plain } from '../../snapshots/plain.ts'
import { UndoReply } from '../../snapshots/replies.ts'
import { UndoArgs } from '../../snapshots/requests.ts'
import { defineTool } from './define-tool.ts'
import { planLines } from './plan.ts'
import { isUnchanged, restoredLines } from './restored.ts'
import { underWay, undoLine } from './wording.ts'

const name = 'snapshot_undo'

export const undo = defineTool({
  name,
  title: 'Undo a restore or delete',
  description: 'Undo (reverse) a restore or a delete by its operation id; can itself be undone.',
  operation: 'destructive',
  args: UndoArgs,
  reply: UndoReply,
  run: (service, args, caller) => service.undo(args, caller),
  render: (reply) => {
    if (reply.status === 'creating') return underWay('Being undone', reply)
    if (reply.status !== 'done') return planLines(name, reply).join('\n')
    const { operation, undid, undo: back } = reply
    const done = `Undone: ${plain(undid ?? 'the operation')}${operation === undefined ? '' : ` (${operation})`}.`
    const idle = back === undefined && isUnchanged(reply.changed)
    return [...restoredLines(done, { ...reply, idle }), ...undoLine(back)].join('\n')
  },
})
