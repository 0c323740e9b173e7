import { plain } from '../../snapshots/plain.ts'
import { SnapshotReply } from '../../snapshots/replies.ts'
import { GetArgs } from '../../snapshots/requests.ts'
import { defineTool } from './define-tool.ts'
import { receiptLines } from './receipt.ts'
import { copyLines, restoredLines } from './restored.ts'
import { snapshotLine, undoLine, waitFor, warningLines } from './wording.ts'

export const get = defineTool({
  name: 'snapshot_get',
  title: 'Get one snapshot',
  description:
    'Show one snapshot: state, source, what was captured and skipped, labels, expiry. Can wait for one, or for a restore, that is under way.',
  operation: 'read',
  args: GetArgs,
  reply: SnapshotReply,
  run: (service, args, caller) => service.get(args, caller),
  render: ({ snapshot, receipt, targets, warnings, restore }) => {
    const { id, state, note, parent_id, error } = snapshot
    return [
      snapshotLine(snapshot),
      ...(note === undefined ? [] : [`Note: ${plain(note, 2000)}`]),
      ...(parent_id === undefined ? [] : [`Parent: ${plain(parent_id)}`]),
      ...(error === undefined
        ? []
        : [`${state === 'failed' ? 'Failed' : 'Error'}: ${error.code}: ${plain(error.message, 500)}`]),
      ...(receipt === undefined ? [] : receiptLines(receipt)),
      ...copyLines(targets),
      ...warningLines(warnings),
      ...(restore === undefined ? [] : restoreLines(restore)),
      ...(state === 'creating' ? [waitFor(id)] : []),
    ].join('\n')
  },
})

const STAND = {
  creating: 'is under way',
  done: 'is done',
  failed: 'failed',
  unknown: 'may have been carried out or not',
} as const

/** Of the restore that is waited on by the id of its operation. */
function restoreLines(restore: NonNullable<SnapshotReply['restore']>): string[] {
  const { status, operation, undo } = restore
  return [
    ...restoredLines(`The restore ${operation} ${STAND[status]}.`, { ...restore, idle: false }),
    ...undoLine(undo),
  ]
}
