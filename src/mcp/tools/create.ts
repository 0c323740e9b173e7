import type { Receipt } from '../../snapshots/model.ts'
import { CreateReply } from '../../snapshots/replies.ts'
import { CreateArgs } from '../../snapshots/requests.ts'
import { defineTool } from './define-tool.ts'
import { bytes, count, path, snapshotLine } from './wording.ts'

export const create = defineTool({
  name: 'snapshot_create',
  title: 'Create a snapshot',
  description:
    'Save a snapshot (checkpoint, save point, backup) of a directory before a risky change. Unchanged files are reused. The receipt says what was captured and what was skipped.',
  operation: 'create',
  args: CreateArgs,
  reply: CreateReply,
  run: (service, args, caller) => service.create(args, caller),
  render: ({ status, snapshot, receipt }) =>
    [
      `${status === 'done' ? 'Saved' : 'Being saved'}: ${snapshotLine(snapshot)}`,
      ...(receipt === undefined ? [] : receiptLines(receipt)),
      status === 'done'
        ? `To see what changed since: snapshot_diff {"from":"${snapshot.id}"}. To go back: snapshot_restore {"snapshot":"${snapshot.id}"}.`
        : `Wait for it with snapshot_get {"snapshot":"${snapshot.id}","wait_seconds":50}.`,
    ].join('\n'),
})

function receiptLines(receipt: Receipt): string[] {
  const { files, directories, links, bytes_captured, bytes_reused, skipped, changed_during_read } = receipt
  const captured = [
    count(files, 'file'),
    count(directories, 'directory', 'directories'),
    count(links, 'link'),
  ]
  return [
    `Captured ${captured.join(', ')}: ${bytes(bytes_captured)} new, ${bytes(bytes_reused)} reused.`,
    ...skipped.map(
      ({ reason, count: amount, samples }) =>
        `Skipped ${amount} (${reason}): ${samples.map(path).join(', ')}${amount > samples.length ? ', ...' : ''}`,
    ),
    ...(changed_during_read.length > 0
      ? [`Changed while being read, may be inconsistent: ${changed_during_read.map(path).join(', ')}`]
      : []),
  ]
}
