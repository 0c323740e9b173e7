import { fstatSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fail } from '../../snapshots/errors.ts'
import type { Receipt } from '../../snapshots/model.ts'
import { unrest, unsettled } from './check.ts'
import { encodeLinks, fingerprintOf, stateDigest } from './digest.ts'
import type { Directory } from './directory.ts'
import type { LinkGroups, LiveDirectory } from './live.ts'
import { type ByteString, show } from './names.ts'
import type { Roster } from './roster.ts'
import { summarise } from './summarise.ts'
import { createWalk, type Previous, type WalkOptions } from './walk.ts'

export interface Scan {
  /** What the next scan starts from. */
  roster: Roster
  /** The source itself, with an empty name. */
  root: LiveDirectory
  links: LinkGroups
  /** The object that lists `links`; null when there are none. */
  linksId: string | null
  /** Equal digests mean equal directories, in content and metadata. */
  digest: string
  /** The same with times to the microsecond: any process that looks at this directory comes to this fingerprint. */
  fingerprint: string
  /** Sum of file sizes. */
  size: number
  receipt: Receipt
  /** Files whose content was never the same before and after reading: what was captured of them may be torn. */
  torn: ReadonlySet<ByteString>
  /** How many objects the store had lost when all that the roster names was in it, but for what it marks as unsaved. */
  storedAt: number | undefined
}

export interface ScanOptions extends WalkOptions {
  /** The previous scan of the same directory, and what of it has to be looked at. */
  previous?: (Previous & { storedAt?: Scan['storedAt'] }) | undefined
  /**
   * Reads once more, a tick of the file system's clock later, what was changed so shortly before that a further change
   * could have left no trace: for who is going to replace what was read.
   */
  settle?: boolean
}

const CHANGED_SHOWN = 100
/** What does not come to rest while it is read once more this often stays unsettled. */
const ROUNDS = 2

/** Reads a directory tree and says what is in it. */
export async function scan(directory: Directory, options: ScanOptions): Promise<Scan> {
  const { walk, putTree, captured, torn, changed } = createWalk(directory, options)
  let roster = await walk(options.previous)
  for (let round = 0; options.settle && round < ROUNDS; round++) {
    const wait = unrest(roster.columns)
    if (wait === 0) break
    await sleep(wait)
    await options.pause.take()
    roster = await walk({ roster, suspects: unsettled(roster.columns) }, { rested: true })
  }
  if (fstatSync(directory.fd).nlink === 0) {
    throw fail(
      'NOT_FOUND',
      'The source was removed while it was read. No snapshot was made.',
      'Call snapshot_list and restore an earlier snapshot if the directory is wanted back.',
    )
  }
  const { root } = roster
  const { counts: held, size, links, skipped } = summarise(roster)
  const linksId = links.length > 0 ? putTree(encodeLinks(links)).id : null
  return {
    roster,
    root,
    links,
    linksId,
    digest: stateDigest(root, linksId),
    fingerprint: fingerprintOf(root, linksId),
    size,
    receipt: {
      ...held,
      hard_links: links.reduce((sum, group) => sum + group.length, 0),
      bytes_captured: captured(),
      bytes_reused: Math.max(0, size - captured()),
      skipped,
      changed_during_read: [...torn, ...[...changed].map((path) => path || '.')]
        .slice(0, CHANGED_SHOWN)
        .map(show),
    },
    torn,
    storedAt: options.previous?.storedAt,
  }
}
