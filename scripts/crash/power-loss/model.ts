/**
 * A file system that keeps what it promised and nothing else. Bytes of a file are safe once that file was synced, names
 * once their directory was. All else may be there or not after a power cut, in any combination, except that a rename
 * does not lose a file: both names may be there, or the old one, but never none.
 */
export interface Model {
  apply(step: Step): void
  /** What a power cut at this moment may leave. `random` gives numbers from 0 to 1. */
  states(random: () => number): State[]
}

/** One change. Paths are absolute, with a character a byte. */
export type Step =
  /** `touch` makes a file unless there is one, `create` empties one that is there. */
  | { do: 'create' | 'touch' | 'mkdir' | 'remove' | 'sync'; path: string }
  /** `at` is undefined where the file ends. */
  | { do: 'write'; path: string; at: number | undefined; bytes: Buffer }
  | { do: 'truncate'; path: string; size: number }
  | { do: 'rename' | 'link'; from: string; to: string }

/** Files and directories (null) by path, parents before what is in them. */
export type Entries = Map<string, Buffer | null>

export interface State {
  /** What was lost. */
  name: string
  entries: Entries
}

interface Inode {
  directory: boolean
  /** The bytes that a power cut leaves for certain, and those that a process sees. */
  safe: Buffer
  now: Buffer
}

/** A name that was given to an inode or taken away (undefined), and not synced yet. */
interface Change {
  path: string
  inode: Inode | undefined
  /** Of a rename: the new name, without which the old one stays. */
  only?: Change
}

/** What decides whether a change survives. */
type Choice = (change: Change) => boolean

/** `top` is the directory that the model is about. */
export function createModel(top: string, initial: Entries): Model {
  const safe = new Map<string, Inode>()
  for (const [path, content] of initial) safe.set(path, inodeOf(content))
  /** The names as a process sees them. */
  const live = new Map(safe)
  let pending: Change[] = []

  const find = (path: string): Inode => {
    const inode = live.get(path)
    if (!inode) throw new Error(`the model of the file system does not know ${path}`)
    return inode
  }

  const name = (path: string, inode: Inode | undefined, only?: Change): Change => {
    put(live, path, inode)
    const change = { path, inode, ...(only && { only }) }
    pending.push(change)
    return change
  }

  const sync = (path: string) => {
    // Of what is above the model, only the name of its top counts.
    const inode = path === parentOf(top) ? undefined : find(path)
    if (inode && !inode.directory) {
      inode.safe = inode.now
      return
    }
    // The old name of a rename goes for good only together with the new one.
    const settled = new Set(pending.filter((change) => parentOf(change.path) === path))
    for (const { only } of settled) if (only) settled.add(only)
    for (const change of pending) if (settled.has(change)) put(safe, change.path, change.inode)
    pending = pending.filter((change) => !settled.has(change))
  }

  const rename = (from: string, to: string) => {
    for (const [path, inode] of [...live])
      if (path === from || path.startsWith(`${from}/`))
        name(path, undefined, name(to + path.slice(from.length), inode))
  }

  const resize = (inode: Inode, size: number) => {
    const bytes = Buffer.alloc(size)
    inode.now.copy(bytes)
    inode.now = bytes
  }

  return {
    apply(step) {
      switch (step.do) {
        case 'create':
          if (live.has(step.path)) resize(find(step.path), 0)
          else name(step.path, inodeOf(Buffer.alloc(0)))
          break
        case 'touch':
          if (!live.has(step.path)) name(step.path, inodeOf(Buffer.alloc(0)))
          break
        case 'mkdir':
          name(step.path, inodeOf(null))
          break
        case 'write': {
          const inode = find(step.path)
          const at = step.at ?? inode.now.length
          resize(inode, Math.max(inode.now.length, at + step.bytes.length))
          step.bytes.copy(inode.now, at)
          break
        }
        case 'truncate':
          resize(find(step.path), step.size)
          break
        case 'sync':
          sync(step.path)
          break
        case 'link':
          name(step.to, find(step.from))
          break
        case 'rename':
          rename(step.from, step.to)
          break
        case 'remove':
          name(step.path, undefined)
      }
    },

    states(random) {
      return choices(pending, random).flatMap(([names, choice]) =>
        Object.entries(FATES).map(([bytes, fate]) => ({
          name: `${names}, unsynced bytes ${bytes}`,
          entries: entriesAfter(choice, fate),
        })),
      )
    },
  }

  function entriesAfter(choice: Choice, fate: (inode: Inode) => Buffer): Entries {
    const names = new Map(safe)
    const kept = (change: Change): boolean =>
      choice(change) && (!change.only || !pending.includes(change.only) || kept(change.only))
    for (const change of pending) if (kept(change)) put(names, change.path, change.inode)
    const entries: Entries = new Map()
    // What is in a directory that was lost is lost with it.
    for (const [path, inode] of [...names].sort(([a], [b]) => (a < b ? -1 : 1)))
      if (path === top || entries.get(parentOf(path)) === null)
        entries.set(path, inode.directory ? null : fate(inode))
    return entries
  }
}

/** All, none, each one alone and all but each one, and some at random. */
function choices(pending: Change[], random: () => number): [string, Choice][] {
  const some = [1, 2, 3, 4].map((n): [string, Choice] => {
    const lucky = new Set(pending.filter(() => random() < 0.5))
    return [`random names lost (${n})`, (change) => lucky.has(change)]
  })
  return [
    ['all names kept', () => true],
    ['all names lost', () => false],
    ...pending.flatMap((one): [string, Choice][] => [
      [`only ${label(one)} lost`, (change) => change !== one],
      [`only ${label(one)} kept`, (change) => change === one],
    ]),
    ...some,
  ]
}

const label = ({ path, inode }: Change) => `${inode ? 'the name' : 'the removal of'} ${path}`

/** What becomes of bytes that were written and not synced. */
const FATES: Record<string, (inode: Inode) => Buffer> = {
  kept: ({ now }) => now,
  lost: ({ safe }) => safe,
  cut: ({ now, safe }) => (now === safe ? safe : now.subarray(0, Math.floor(now.length / 2))),
  zeroed: ({ now, safe }) => (now === safe ? safe : mixed(safe, now, () => false)),
  torn: ({ now, safe }) => (now === safe ? safe : mixed(safe, now, (block) => block % 2 === 1)),
}

const BLOCK = 4096

/** The old bytes at the new length, with the chosen blocks of the new ones. */
function mixed(old: Buffer, fresh: Buffer, isNew: (block: number) => boolean): Buffer {
  const bytes = Buffer.alloc(fresh.length)
  old.copy(bytes)
  for (let block = 0; block * BLOCK < fresh.length; block++)
    if (isNew(block)) fresh.copy(bytes, block * BLOCK, block * BLOCK, (block + 1) * BLOCK)
  return bytes
}

function inodeOf(content: Buffer | null): Inode {
  const bytes = content ?? Buffer.alloc(0)
  return { directory: content === null, safe: bytes, now: bytes }
}

function put(names: Map<string, Inode>, path: string, inode: Inode | undefined): void {
  if (inode) names.set(path, inode)
  else names.delete(path)
}

export function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'))
}
