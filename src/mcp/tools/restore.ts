import { RestoreReply } from '../../snapshots/replies.ts'
import { RestoreArgs } from '../../snapshots/requests.ts'
import { defineTool } from './define-tool.ts'
import { planLines } from './plan.ts'
import { isUnchanged, restoredLines } from './restored.ts'
import { underWay, undoLine } from './wording.ts'

const name = 'snapshot_restore'

export const restore = defineTool({
  name,
  title: 'Restore a snapshot',
  description:
    'Restore (roll back, revert) a directory, whole or some paths, or a Droplet to a snapshot; mode new makes a copy instead: a directory, VM, sandbox or volume. In place it saves a safety snapshot first, for snapshot_undo. May first answer with a plan to confirm.',
  operation: 'destructive',
  args: RestoreArgs,
  reply: RestoreReply,
  run: (service, args, caller) => service.restore(args, caller),
  render: (reply) => {
    if (reply.status === 'creating') return underWay('Being restored', reply)
    if (reply.status !== 'done') return planLines(name, reply).join('\n')
    const { operation, mode, changed, safety_snapshot, undo } = reply
    const idle = mode === 'in_place' && safety_snapshot === undefined && isUnchanged(changed)
    return [...restoredLines(`Restored (${operation}).`, { ...reply, idle }), ...undoLine(undo)].join('\n')
  },
})
