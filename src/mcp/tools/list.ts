import { ListReply } from '../../snapshots/replies.ts'
import { ListArgs } from '../../snapshots/requests.ts'
import { defineTool } from './define-tool.ts'
import { morePages, providerFailures, snapshotLine } from './wording.ts'

export const list = defineTool({
  name: 'snapshot_list',
  title: 'List snapshots',
  description:
    'List and search snapshots (checkpoints, backups), newest first, to find the id that the other tools take.',
  operation: 'read',
  args: ListArgs,
  reply: ListReply,
  spelled: ['items'],
  run: (service, args, caller) => service.list(args, caller),
  render: ({ items, next_cursor, errors }) =>
    [
      ...(items.length === 0 ? ['No snapshots match.'] : items.map(snapshotLine)),
      ...morePages(next_cursor),
      ...providerFailures(errors),
    ].join('\n'),
})
