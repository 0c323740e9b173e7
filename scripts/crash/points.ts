import { readFileSync } from 'node:fs'
import type { Lane } from './lane.ts'
import { MARK, MARKS, type Operation } from './operations.ts'
import { startDriver } from './run.ts'
import { bytesOf, type Call, descriptor, parseTrace } from './strace.ts'

/** What changes a file system. */
const MAKING = ['openat', 'open', 'creat', 'mkdir', 'mkdirat', 'symlink', 'symlinkat', 'link', 'linkat']
const WRITING = ['write', 'pwrite64', 'writev', 'pwritev', 'ftruncate', 'fallocate', 'copy_file_range']
const SYNCING = ['fsync', 'fdatasync', 'sync_file_range', 'syncfs']
const MOVING = ['rename', 'renameat', 'renameat2']
const REMOVING = ['unlink', 'unlinkat', 'rmdir']
const DESCRIBING = ['fchmod', 'chmod', 'fchmodat', 'fchown', 'chown', 'lchown', 'fchownat', 'utimensat']
const MUTATING = new Set([...[...MAKING, ...WRITING, ...SYNCING, ...MOVING, ...REMOVING, ...DESCRIBING]])
/** Calls to which a full disk, a quota or a file size limit can say no. */
const ALLOCATING = new Set([...MAKING, ...WRITING, ...SYNCING, ...MOVING])

/** How a point is hit. */
export type Kind = 'kill' | 'ENOSPC' | 'EIO' | 'EDQUOT' | 'EFBIG'
export const KINDS: readonly Kind[] = ['kill', 'ENOSPC', 'EIO', 'EDQUOT', 'EFBIG']

/** One call to be hit: the nth of this name in a thread. */
export interface Point {
  kind: Kind
  syscall: string
  /** Position of the thread among those of the process. */
  thread: number
  nth: number
  /** What the call does, with names that differ from run to run blanked. */
  what: string
}

/** Runs an operation once, untouched, and lists every call that changes the store or a source. */
export async function findPoints(lane: Lane, operation: Operation, bundle: string): Promise<Point[]> {
  lane.reset()
  const driver = await startDriver(bundle, lane.job(operation))
  const file = `${lane.dir}/trace`
  const report = await driver.go(['-f', '-p', String(driver.pid), '-o', file, '-y', '-xx'])
  if (!report?.ok) throw new Error(`${operation} fails when nothing disturbs it: ${JSON.stringify(report)}`)
  const all: Point[] = []
  let begun = false
  const once = new Set<string>()
  for (const call of parseTrace(readFileSync(file, 'latin1'))) {
    begun ||= isMark(call, MARKS.start)
    if (!begun || !changes(call, lane)) continue
    const thread = driver.threads.indexOf(call.thread)
    if (thread < 0) throw new Error(`${call.name} comes from a thread that was started later: not covered`)
    const point = { syscall: call.name, thread, nth: call.nth, what: describe(call, lane) }
    all.push({ kind: 'kill', ...point }, { kind: 'EIO', ...point })
    if (!ALLOCATING.has(call.name)) continue
    all.push({ kind: 'ENOSPC', ...point })
    // The rarer errors take the same way as a full disk: once a system call is enough.
    if (once.has(`${thread} ${call.name}`)) continue
    once.add(`${thread} ${call.name}`)
    all.push({ kind: 'EDQUOT', ...point }, { kind: 'EFBIG', ...point })
  }
  return all
}

export function isMark({ name, args }: Call, mark: string): boolean {
  return /^f?access/.test(name) && args.some((arg) => bytesOf(arg).toString() === MARK + mark)
}

/** Succeeds in changing something below the lane. */
function changes(call: Call, lane: Lane): boolean {
  if (!MUTATING.has(call.name) || call.result.startsWith('-1')) return false
  if (/^open/.test(call.name) && !call.args.some((arg) => /O_CREAT|O_TRUNC|O_TMPFILE/.test(arg))) return false
  return concerns(call, lane)
}

/** Names something below the lane. */
export function concerns(call: Call, lane: Pick<Lane, 'dir'>): boolean {
  return touched(call).some((path) => path.startsWith(`${lane.dir}/`) || path.startsWith('/proc/self/fd/'))
}

/** Paths among the arguments, and those of descriptors. */
function touched({ args }: Call): string[] {
  return args.flatMap((arg) => {
    const open = descriptor(arg)
    if (open && !arg.startsWith('AT_FDCWD')) return [open.path]
    return arg.startsWith('"') ? [bytesOf(arg).toString('latin1')] : []
  })
}

/** The same in every run: without the lane's path, random names and numbers of descriptors. */
export function describe(call: Call, lane: Pick<Lane, 'dir'>): string {
  const paths = touched(call)
    .filter((path) => path.startsWith('/'))
    .map((path) =>
      path
        .replace(`${lane.dir}/`, '')
        .replaceAll(/[0-9a-f]{12,}/g, '*')
        .replace(/^\/proc\/self\/fd\/\d+/, '.')
        .replaceAll(/\.\d+\.tmp/g, '.*.tmp'),
    )
  return `${call.name} ${paths.join(' -> ')}`
}
