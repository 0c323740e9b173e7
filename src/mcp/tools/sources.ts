import type { SourceItem } from '../../snapshots/model.ts'
import { plain } from '../../snapshots/plain.ts'
import { SourcesReply } from '../../snapshots/replies.ts'
import { SourcesArgs } from '../../snapshots/requests.ts'
import { defineTool } from './define-tool.ts'
import { count, morePages, providerFailures } from './wording.ts'

export const sources = defineTool({
  name: 'snapshot_sources',
  title: 'List what can be captured',
  description:
    'List the directories, machines and volumes that can be snapshotted here, and what to pass as source.',
  operation: 'read',
  args: SourcesArgs,
  reply: SourcesReply,
  run: (service, args, caller) => service.sources(args, caller),
  render: ({ items, next_cursor, errors }) =>
    [
      ...(items.length === 0
        ? ['Nothing is listed. snapshot_status says what can be captured here, and why not.']
        : items.map(sourceLine)),
      ...morePages(next_cursor),
      ...providerFailures(errors),
    ].join('\n'),
})

function sourceLine({ provider, source, snapshots, last_snapshot_at, note }: SourceItem): string {
  return [
    plain(source, 500),
    provider,
    snapshots !== undefined && count(snapshots, 'snapshot'),
    last_snapshot_at !== undefined && `last ${last_snapshot_at}`,
    note !== undefined && plain(note),
  ]
    .filter((part) => typeof part === 'string')
    .join('  ')
}
