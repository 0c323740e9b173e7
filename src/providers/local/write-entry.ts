import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  ftruncateSync,
  futimesSync,
  lchownSync,
  lstatSync,
  lutimesSync,
  openSync,
  symlinkSync,
  writeSync,
} from 'node:fs'
import { CHUNK_BYTES, decodeChunkList } from './content.ts'
import type { Directory } from './directory.ts'
import type { Stat } from './live.ts'
import { type ByteString, toFsPath } from './names.ts'
import { type Owners, sameOwner } from './owners.ts'
import type { Pause } from './pause.ts'
import { allowedMode } from './steps.ts'
import type { ObjectStore } from './store/objects.ts'
import { errno } from './system-error.ts'
import type { FileEntry, Meta, SymlinkEntry } from './tree.ts'
import { wellFormed } from './view.ts'

/** What setting metadata needs to know of the process and the policy. */
export interface MetaOptions {
  owners: Owners
  specialModes: 'keep' | 'strip'
}

const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
const EXISTING_FILE = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
const ZEROS = Buffer.alloc(CHUNK_BYTES)
/** The id of a chunk of zeros in each store. */
const zeroChunks = new WeakMap<ObjectStore, string>()

/** Makes a new file with all its content and metadata. Never opens one that exists. */
export async function writeFile(
  dir: Directory,
  name: ByteString,
  entry: FileEntry,
  objects: ObjectStore,
  options: MetaOptions,
  pause: Pause,
): Promise<void> {
  const content = await objects.read(entry.content)
  const fd = openSync(dir.at(name), NEW_FILE, 0o600)
  try {
    if (entry.chunked) await writeChunks(fd, entry, content, objects, pause)
    else writeFully(fd, content, 0)
    setFileMeta(fd, entry, options)
  } finally {
    closeSync(fd)
  }
}

async function writeChunks(
  fd: number,
  entry: FileEntry,
  list: Buffer,
  objects: ObjectStore,
  pause: Pause,
): Promise<void> {
  const { size, chunks } = wellFormed(entry.content, () => decodeChunkList(list))
  // The length first: chunks of zeros then need no writing and stay holes.
  ftruncateSync(fd, size)
  const zeros = zeroChunk(objects)
  for (const [n, chunk] of chunks.entries()) {
    if (chunk !== zeros) writeFully(fd, await objects.read(chunk), n * CHUNK_BYTES)
    if (pause.due()) await pause.take()
  }
}

function zeroChunk(objects: ObjectStore): string {
  const id = zeroChunks.get(objects) ?? objects.idOf(ZEROS)
  zeroChunks.set(objects, id)
  return id
}

function writeFully(fd: number, bytes: Buffer, position: number): void {
  for (let done = 0; done < bytes.length; )
    done += writeSync(fd, bytes, done, bytes.length - done, position + done)
}

function setFileMeta(fd: number, entry: FileEntry, options: MetaOptions): void {
  // The owner first: changing it clears setuid and setgid.
  giveOwner(entry, fstatSync(fd), options, (uid, gid) => fchownSync(fd, uid, gid))
  fchmodSync(fd, allowedMode(entry.mode, options.specialModes))
  futimesSync(fd, seconds(entry.mtime), seconds(entry.mtime))
}

/** Sets the metadata of an existing file if it is still the one that was scanned; false when it is not. */
export function updateFileMeta(
  dir: Directory,
  name: ByteString,
  entry: FileEntry,
  known: Stat,
  options: MetaOptions,
): boolean {
  const fd = openSync(dir.at(name), EXISTING_FILE)
  try {
    // The same inode as a moment ago, by its name: what was opened is what was checked.
    if (fstatSync(fd, { bigint: true }).ino !== known.ino) return false
    setFileMeta(fd, entry, options)
    return true
  } finally {
    closeSync(fd)
  }
}

export function writeSymlink(
  dir: Directory,
  name: ByteString,
  entry: SymlinkEntry,
  options: MetaOptions,
): void {
  symlinkSync(toFsPath(entry.target), dir.at(name))
  setSymlinkMeta(dir, name, entry, options)
}

export function setSymlinkMeta(
  dir: Directory,
  name: ByteString,
  entry: SymlinkEntry,
  options: MetaOptions,
): void {
  giveOwner(entry, lstatSync(dir.at(name)), options, (uid, gid) => lchownSync(dir.at(name), uid, gid))
  lutimesSync(dir.at(name), seconds(entry.mtime), seconds(entry.mtime))
}

export function setDirectoryMeta(dir: Directory, meta: Meta, options: MetaOptions): void {
  giveOwner(meta, fstatSync(dir.fd), options, (uid, gid) => fchownSync(dir.fd, uid, gid))
  fchmodSync(dir.fd, meta.mode)
  futimesSync(dir.fd, seconds(meta.mtime), seconds(meta.mtime))
}

/** Root in a container may own only some ids. The rest is restored all the same; the verification tells the difference. */
function giveOwner(
  wanted: Meta,
  now: { uid: number; gid: number },
  { owners }: MetaOptions,
  give: (uid: number, gid: number) => void,
): void {
  const { uid, gid } = owners.possible(wanted, now)
  if (sameOwner(now, { uid, gid })) return
  try {
    give(uid, gid)
  } catch (error) {
    if (errno(error) !== 'EPERM' && errno(error) !== 'EINVAL') throw error
  }
}

/**
 * Node takes times as seconds in a double. Up to version 22 it cuts them to whole microseconds, later it keeps what the
 * double tells. Aiming a little behind the wanted microsecond, by more than the double's error (0.12 us until 2038),
 * lands in it with either. As text, because Node takes a negative number for "now" but a negative text for a time
 * before 1970.
 */
function seconds(nanoseconds: bigint): string {
  const rest = ((nanoseconds % 1000n) + 1000n) % 1000n
  const microseconds = Number((nanoseconds - rest) / 1000n)
  const behind = microseconds >= 0 && microseconds < 2 ** 31 * 1e6 ? 0.25 : 0.5
  return String((microseconds + behind) / 1e6)
}
