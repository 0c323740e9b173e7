import type { Receipt } from '../../snapshots/model.ts'
import { bytes, count, path } from './wording.ts'

/** What is in a snapshot, and what is not. */
export function receiptLines(receipt: Receipt): string[] {
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
