import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { MARKS } from '../operations.ts'
import { isMark } from '../points.ts'
import { bytesOf, type Call, descriptor } from '../strace.ts'
import { type Entries, parentOf, type Step } from './model.ts'

/** A change of the directory, or how far the program has come. */
export type Event = { step: Step; what: string } | { mark: 'recorded' | 'returned' }

/** An open file: what it is called now, where the next write goes. */
interface Open {
  path: string
  position: number
  append: boolean
}

/**
 * Turns a trace (all threads, `-xx -y`, strings in full) into the changes of one directory. Throws on a call that
 * changes it in a way the model does not know, rather than leave it out.
 */
export function eventsOf(calls: readonly Call[], top: string): Event[] {
  const open = new Map<number, Open>()
  const events: Event[] = []
  const inside = (path: string) => path === top || path.startsWith(`${top}/`)
  /** A path argument; one by way of a descriptor is what that descriptor is. */
  const pathOf = (arg: string | undefined) => {
    const path = bytesOf(arg ?? '').toString('latin1')
    const via = /^\/proc\/self\/fd\/(\d+)(.*)$/.exec(path)
    const base = open.get(Number(via?.[1]))?.path
    return base === undefined ? path : base + via?.[2]
  }
  const fdOf = (call: Call) => Number.parseInt(call.args[0] ?? '', 10)
  const push = (step: Step, ...paths: string[]) => {
    if (paths.some(inside)) events.push({ step, what: `${step.do} ${paths.join(' -> ')}` })
  }

  for (const call of calls) {
    const { name, args, result } = call
    if (isMark(call, MARKS.recorded)) events.push({ mark: 'recorded' })
    if (isMark(call, MARKS.returned)) events.push({ mark: 'returned' })
    const count = Number.parseInt(result, 10)
    if (!(count >= 0)) continue
    const file = open.get(fdOf(call))
    switch (name) {
      case 'openat': {
        const path = pathOf(args[1])
        const flags = args[2] ?? ''
        open.set(count, { path, position: 0, append: flags.includes('O_APPEND') })
        if (/O_TRUNC|O_EXCL/.test(flags)) push({ do: 'create', path }, path)
        else if (flags.includes('O_CREAT')) push({ do: 'touch', path }, path)
        else if (flags.includes('O_TMPFILE') && inside(path)) throw unknown(call)
        break
      }
      case 'close':
        open.delete(fdOf(call))
        break
      case 'write':
      case 'pwrite64': {
        if (!file) break
        const sequential = file.append ? undefined : file.position
        const at = name === 'write' ? sequential : Number(args.at(-1))
        const bytes = bytesOf(args[1] ?? '').subarray(0, count)
        if (name === 'write') file.position += count
        push({ do: 'write', path: file.path, at, bytes }, file.path)
        break
      }
      case 'ftruncate':
        if (file) push({ do: 'truncate', path: file.path, size: Number(args[1]) }, file.path)
        break
      case 'fsync':
      case 'fdatasync':
        if (file && (inside(file.path) || file.path === parentOf(top)))
          events.push({ step: { do: 'sync', path: file.path }, what: `sync ${file.path}` })
        break
      case 'rename':
      case 'link': {
        const [from, to] = [pathOf(args[0]), pathOf(args[1])]
        push({ do: name, from, to }, from, to)
        if (name === 'rename') for (const each of open.values()) if (each.path === from) each.path = to
        break
      }
      case 'mkdir':
        push({ do: 'mkdir', path: pathOf(args[0]) }, pathOf(args[0]))
        break
      case 'unlink':
      case 'rmdir':
        push({ do: 'remove', path: pathOf(args[0]) }, pathOf(args[0]))
        break
      default:
        if (OTHERS.has(name) && [...args].some((arg) => namesInside(arg))) throw unknown(call)
    }
  }
  return events

  function namesInside(arg: string): boolean {
    return inside(arg.startsWith('"') ? pathOf(arg) : (descriptor(arg)?.path ?? ''))
  }
}

/** Calls that change files and that the engine has no use for in its store. */
const OTHERS = new Set(
  'renameat renameat2 linkat unlinkat mkdirat symlink symlinkat writev pwritev pwritev2 copy_file_range sendfile fallocate truncate creat'.split(
    ' ',
  ),
)

/** What to ask strace for. */
export const TRACED = [
  ...['openat', 'close', 'access', 'write', 'pwrite64', 'ftruncate', 'fsync', 'fdatasync'],
  ...['rename', 'link', 'mkdir', 'unlink', 'rmdir', ...OTHERS],
].join(',')

function unknown({ name, args }: Call): Error {
  const shown = args.map((arg) => bytesOf(arg).toString()).join(', ')
  return new Error(`the model of the file system does not know ${name}(${shown}) in the store`)
}

/** A directory as it is, to start the model with. */
export function readEntries(top: string): Entries {
  const entries: Entries = new Map()
  const visit = (path: string) => {
    const stats = lstatSync(path, { throwIfNoEntry: false })
    if (!stats) return
    entries.set(path, stats.isDirectory() ? null : readFileSync(path))
    if (stats.isDirectory()) for (const name of readdirSync(path)) visit(`${path}/${name}`)
  }
  visit(top)
  return entries
}
