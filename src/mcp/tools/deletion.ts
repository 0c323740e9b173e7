import { plain } from '../../snapshots/plain.ts'
import type { DeleteReply } from '../../snapshots/replies.ts'
import { planLines } from './plan.ts'
import { bytes, count, undoLine } from './wording.ts'

/** What delete and prune answer. */
export function deletionText(tool: string, reply: DeleteReply): string {
  if (reply.status !== 'done') return planLines(tool, reply).join('\n')
  const { operation, deleted = [], failed = [], freed_bytes, undo } = reply
  const freed = freed_bytes === undefined ? '' : `, ${bytes(freed_bytes)} freed`
  return [
    `Deleted ${count(deleted.length, 'snapshot')}${freed}${operation === undefined ? '' : ` (${operation})`}.`,
    ...deleted.map((id) => `- ${plain(id)}`),
    ...failed.map(
      ({ snapshot, code, message }) => `Not deleted: ${plain(snapshot)}: ${code}: ${plain(message, 500)}`,
    ),
    ...undoLine(undo),
  ].join('\n')
}
