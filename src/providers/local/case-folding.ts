import { lstatSync, opendirSync, statfsSync } from 'node:fs'
import { fail } from '../../snapshots/errors.ts'
import { type ByteString, join, show, showText, toFsPath } from './names.ts'
import type { Scope } from './scope.ts'
import type { DirectoryPlan } from './steps.ts'
import type { DirectoryEntry } from './tree.ts'
import type { View } from './view.ts'

/** What a file system takes for the same name, though the bytes differ. */
export interface Folding {
  /** `README` and `readme`. */
  case: boolean
  /** An accented letter as one character or as two. */
  form: boolean
}

const NONE: Folding = { case: false, form: false }
/** Entries looked at before a directory counts as one without a name to ask about. */
const LOOKS = 100
const PAIRS_SHOWN = 10
/** `f_type` of FAT, exFAT, NTFS and the two of SMB: for when there is no name to ask about. */
const FOLDING_TYPES: ReadonlySet<number> = new Set([0x4d44, 0x2011bab0, 0x7366746e, 0xff534d42, 0xfe534d42])

/**
 * How the file system of a directory, or of the nearest one above that exists, takes names. Found by looking for
 * something that is there under another spelling of its name: nothing is made. A directory below that folds names by
 * itself, as ext4 has them, is not looked for: nothing is lost there, but the second name is left out and told.
 */
export function foldingOf(path: ByteString): Folding {
  for (let at = path; at !== ''; at = at.slice(0, at.lastIndexOf('/'))) {
    const stats = lstatSync(toFsPath(at), { throwIfNoEntry: false })
    if (!stats?.isDirectory()) continue
    const own = at.lastIndexOf('/')
    const inherited = () => {
      const above = lstatSync(toFsPath(at.slice(0, own) || '/'))
      return above.dev === stats.dev ? known(at.slice(0, own), at.slice(own + 1), swapCase) : undefined
    }
    const folds = ask(at, swapCase) ?? inherited() ?? FOLDING_TYPES.has(statfsSync(toFsPath(at)).type)
    // Most that fold case fold forms as well, and Apple's do even where they tell cases apart. FAT and NTFS do not, but
    // a pair refused too many costs less than a file lost.
    return { case: folds, form: folds || process.platform === 'darwin' || (ask(at, swapForm) ?? false) }
  }
  return NONE
}

/** Undefined when no entry of the directory has a name that can be spelt another way. */
function ask(directory: ByteString, respell: (name: ByteString) => ByteString): boolean | undefined {
  const names = opendirSync(toFsPath(directory), { encoding: 'latin1' as BufferEncoding })
  try {
    for (let n = 0; n < LOOKS; n++) {
      const entry = names.readSync()
      if (!entry) return undefined
      const answer = known(directory, entry.name, respell)
      if (answer !== undefined) return answer
    }
    return undefined
  } finally {
    names.closeSync()
  }
}

/** Whether an entry is known by another spelling too. Of a file with several names it could just be one of them. */
function known(
  directory: ByteString,
  name: ByteString,
  respell: (name: ByteString) => ByteString,
): boolean | undefined {
  const other = respell(name)
  if (other === name) return undefined
  const look = (spelling: ByteString) =>
    lstatSync(toFsPath(`${directory}/${spelling}`), { bigint: true, throwIfNoEntry: false })
  const stats = look(name)
  if (!stats || (!stats.isDirectory() && stats.nlink > 1n)) return undefined
  const found = look(other)
  return found !== undefined && found.ino === stats.ino && found.dev === stats.dev
}

function swapCase(name: ByteString): ByteString {
  return name.replace(/[A-Za-z]/g, (letter) => String.fromCharCode(letter.charCodeAt(0) ^ 0x20))
}

function swapForm(name: ByteString): ByteString {
  const { path, bytes } = show(name)
  if (bytes !== undefined) return name
  const composed = path.normalize('NFC')
  return Buffer.from(composed === path ? path.normalize('NFD') : composed, 'utf8').toString('latin1')
}

/** The same for all names that a file system takes for one, and for hardly any others. */
export function fold(name: ByteString, { case: ignoreCase, form }: Folding): string {
  const { path, bytes } = show(name)
  // No UTF-8, so no file system knows the letters of it beyond ASCII.
  if (bytes !== undefined)
    return `\0${ignoreCase ? name.replace(/[A-Z]+/g, (part) => part.toLowerCase()) : name}`
  const text = form ? path.normalize('NFC') : path
  // By way of the capitals, so that letters with two small forms are one.
  const small = ignoreCase ? text.toUpperCase().toLowerCase() : text
  return form ? small.normalize('NFC') : small
}

/**
 * CONFLICT when two entries of one directory that the restore would make or keep are one to the file system: the later
 * would take the place of the earlier. Only directories in which something is made are looked at.
 */
export async function refuseCollisions(
  plan: DirectoryPlan,
  target: View,
  scope: Scope,
  folding: Folding,
): Promise<void> {
  if (!folding.case && !folding.form) return
  const colliding: [ByteString, ByteString][] = []

  const look = async ({ path, steps }: DirectoryPlan, { entries, enter }: View): Promise<void> => {
    const isMade = steps.some(({ do: what }) => what !== 'remove' && what !== 'meta' && what !== 'enter')
    if (isMade) collect(path, entries)
    const directories = new Map<ByteString, DirectoryEntry>()
    for (const entry of entries) if (entry.type === 'directory') directories.set(entry.name, entry)
    for (const step of steps) {
      const entry = directories.get(step.name)
      if (entry && (step.do === 'make' || step.do === 'enter')) await look(step.plan, await enter(entry))
    }
  }

  const collect = (path: ByteString, entries: View['entries']) => {
    const seen = new Map<string, ByteString>()
    for (const { name, type } of entries) {
      const at = join(path, name)
      if (type === 'skipped' || scope.of(at) === 'outside') continue
      const key = fold(name, folding)
      const other = seen.get(key)
      if (other === undefined) seen.set(key, at)
      else colliding.push([other, at])
    }
  }

  await look(plan, target)
  if (colliding.length > 0) throw collision(colliding)
}

function collision(pairs: readonly [ByteString, ByteString][]) {
  const shown = pairs.slice(0, PAIRS_SHOWN).map((pair) => pair.map(showText))
  const [first = []] = shown
  const more = pairs.length > 1 ? ` and ${pairs.length - 1} more` : ''
  return fail(
    'CONFLICT',
    `The file system there takes ${first.map((path) => JSON.stringify(path)).join(' and ')}${more} for the same name, so they cannot both be restored. Nothing was changed.`,
    'Restore one of them with "paths", or all with mode "new" to a file system that tells them apart.',
    { details: { colliding: shown } },
  )
}
