import { plain } from '../../snapshots/plain.ts'
import { RestoreReply } from '../../snapshots/replies.ts'
import { RestoreArgs } from '../../snapshots/requests.ts'
import { defineTool } from './define-tool.ts'
import { planLines } from './plan.ts'
import { changedLines, isUnchanged, NOTHING_TO_DO, undoLine, verifiedLines, warningLines } from './wording.ts'

const name = 'snapshot_restore'

export const restore = defineTool({
  name,
  title: 'Restore a snapshot',
  description:
    'Restore (roll back, revert) a directory to a snapshot, whole or some paths, or copy it elsewhere with mode new. In place it saves a safety snapshot first, for snapshot_undo. May first answer with a plan to confirm.',
  operation: 'destructive',
  args: RestoreArgs,
  reply: RestoreReply,
  run: (service, args, caller) => service.restore(args, caller),
  render: (reply) => {
    if (reply.status !== 'done') return planLines(name, reply).join('\n')
    const { operation, mode, changed, verified, targets = [], safety_snapshot, undo, warnings } = reply
    const idle = mode === 'in_place' && safety_snapshot === undefined && isUnchanged(changed)
    return [
      ...(idle ? [NOTHING_TO_DO] : [`Restored (${operation}).`, ...changedLines(changed)]),
      ...targets.map(({ kind, id }) => `Copy: ${plain(`${kind}:${id}`, 500)}`),
      ...verifiedLines(verified),
      ...(safety_snapshot === undefined ? [] : [`The state before is kept as ${plain(safety_snapshot)}.`]),
      ...warningLines(warnings),
      ...undoLine(undo),
    ].join('\n')
  },
})
