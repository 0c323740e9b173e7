import { DeleteReply } from '../../snapshots/replies.ts'
import { PruneArgs } from '../../snapshots/requests.ts'
import { defineTool } from './define-tool.ts'
import { deletionText } from './deletion.ts'

const name = 'snapshot_prune'

export const prune = defineTool({
  name,
  title: 'Prune old snapshots',
  description:
    'Prune (clean up) old snapshots by a retention rule: keep the newest per source, hour, day and week. Spares protected ones. Only shows the plan unless dry_run is false.',
  operation: 'destructive',
  args: PruneArgs,
  reply: DeleteReply,
  run: (service, args, caller) => service.prune(args, caller),
  render: (reply) =>
    [
      deletionText(name, reply),
      ...(reply.status === 'dry_run' ? [`To go on, call ${name} again with "dry_run":false.`] : []),
    ].join('\n'),
})
