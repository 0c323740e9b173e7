import type { Change } from '../../snapshots/model.ts'
import { plain } from '../../snapshots/plain.ts'
import { DiffReply } from '../../snapshots/replies.ts'
import { DiffArgs } from '../../snapshots/requests.ts'
import { defineTool } from './define-tool.ts'
import { bytes, morePages, path } from './wording.ts'

export const diff = defineTool({
  name: 'snapshot_diff',
  title: 'Compare a snapshot',
  description:
    'Diff (compare) a snapshot with the live directory or another snapshot: files added, removed, modified, and with content their unified diffs.',
  operation: 'read',
  args: DiffArgs,
  reply: DiffReply,
  spelled: ['summary'],
  run: (service, args, caller) => service.diff(args, caller),
  render: ({ from, to, summary, changes, next_cursor }) =>
    [
      `From ${from} to ${to}: ${summary.added} added, ${summary.removed} removed, ${summary.modified} modified (${bytes(summary.bytes)}).`,
      ...changes.map(changeLine),
      ...morePages(next_cursor),
    ].join('\n'),
})

const MARKS = { added: 'A', removed: 'D', modified: 'M' } as const

function changeLine(change: Change): string {
  const { kind, type, aspects = [], size_before, size_after, diff_omitted } = change
  const sizes = [size_before, size_after].filter((size) => size !== undefined).map(bytes)
  const facts = [
    ...(type === 'file' ? [] : [type]),
    ...aspects,
    ...(sizes.length > 0 ? [sizes.join(' -> ')] : []),
    ...(diff_omitted === undefined ? [] : [`no diff: ${diff_omitted}`]),
  ]
  const line = `${MARKS[kind]} ${path(change)}${facts.length > 0 ? ` (${facts.join(', ')})` : ''}`
  return change.diff === undefined ? line : `${line}\n${hunks(change.diff)}`
}

/** Each line apart, so that a file cannot smuggle control characters, and indented, so that it cannot pass for ours. */
function hunks(text: string): string {
  const lines = text.replace(/\n$/, '').split('\n')
  return lines.map((line) => `    ${plain(line.replaceAll('\t', '  '), 500)}`).join('\n')
}
