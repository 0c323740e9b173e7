import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createWriter } from '../../../src/providers/local/bytes.ts'
import { CHUNK_BYTES, encodeChunkList } from '../../../src/providers/local/content.ts'
import { encodeLinks } from '../../../src/providers/local/digest.ts'
import { encodeIndex, type PackIndex } from '../../../src/providers/local/store/pack-index.ts'
import {
  type DirectoryEntry,
  type Entry,
  encodeTree,
  type FileEntry,
  type SymlinkEntry,
} from '../../../src/providers/local/tree.ts'
import type { Workbench } from './support.ts'

/**
 * Writes into a store what no create of ours would: the attacker's hand, who knows the format and computes every hash
 * that has to fit. Everything put goes to one pack when the snapshot is made.
 */
export interface Forge {
  put(bytes: Uint8Array): string
  /** A file entry with this content, stored. */
  file(name: string, data: string | Uint8Array, fields?: Partial<FileEntry>): FileEntry
  /** One whose content is a list of chunks, stored as given. */
  chunked(name: string, size: number, chunks: readonly string[], fields?: Partial<FileEntry>): FileEntry
  directory(name: string, entries: readonly Entry[], fields?: Partial<DirectoryEntry>): DirectoryEntry
  symlink(name: string, target: string, fields?: Partial<SymlinkEntry>): SymlinkEntry
  /** The id of a stored tree of exactly these entries, in this order. */
  tree(entries: readonly Entry[]): string
  links(groups: string[][]): string
  /** Writes the pack; the index may be changed before its hash is made, or replaced by other bytes. */
  pack(change?: (index: PackIndex, pack: Buffer) => PackIndex | Buffer | undefined): void
  /** Writes the pack, if that was not done yet, and a manifest that fits its id. The id of the snapshot. */
  snapshot(tree: string, fields?: Record<string, unknown>): string
  /** A manifest of exactly these bytes. */
  manifest(bytes: string): string
  /** What `snapshot` writes. */
  fields(tree: string, fields?: Record<string, unknown>): Record<string, unknown>
}

const META = {
  mode: 0o644,
  uid: process.getuid?.() ?? 0,
  gid: process.getgid?.() ?? 0,
  mtime: 1_600_000_000_000_000_000n,
}

export function forge({ home, root }: Pick<Workbench, 'home' | 'root'>): Forge {
  const store = join(home, 'store')
  const objects = new Map<string, Buffer>()
  let packed = false

  const put = (bytes: Uint8Array): string => {
    const id = sha256(bytes)
    objects.set(id, Buffer.from(bytes))
    return id
  }
  const tree = (entries: readonly Entry[]) => put(encodeTree(entries))

  const pack: Forge['pack'] = (change) => {
    packed = true
    const index: PackIndex = { blocks: [], ids: [], places: [] }
    let end = 4
    for (const [id, { length }] of objects) {
      const block = index.blocks.push({ offset: end, stored: length, size: length, codec: 0 }) - 1
      index.ids.push(id)
      index.places.push({ block, offset: 0, length })
      end += length
    }
    const bytes = Buffer.concat([Buffer.from('SPK1'), ...objects.values()])
    const changed = change?.(index, bytes) ?? index
    const name = 'e'.repeat(32)
    writeFileSync(join(store, 'packs', `${name}.pack`), bytes)
    writeFileSync(
      join(store, 'packs', `${name}.idx`),
      Buffer.isBuffer(changed) ? changed : encodeIndex(changed),
    )
  }

  const fields: Forge['fields'] = (treeId, more = {}) => ({
    format: 1,
    root: Buffer.from(root).toString('base64'),
    digest: sha256(Buffer.from('anything')),
    tree: treeId,
    links: null,
    root_meta: { mode: 0o755, uid: META.uid, gid: META.gid, mtime: String(META.mtime) },
    created_at: '2026-01-01T00:00:00.000Z',
    sequence: 1000,
    operation: 'op_forged',
    auto: false,
    parent: null,
    exclude: [],
    size: 0,
    receipt: {
      files: 1e6,
      directories: 1e6,
      links: 1e6,
      bytes_captured: 0,
      bytes_reused: 0,
      skipped: [],
      changed_during_read: [],
    },
    ...more,
  })

  const manifest = (text: string): string => {
    const bytes = Buffer.from(text)
    const id = sha256(bytes).slice(0, 32)
    writeFileSync(join(store, 'snapshots', `${id}.json`), bytes)
    writeFileSync(
      join(store, 'details', `${id}.json`),
      JSON.stringify({ name: 'forged', labels: {}, protected: false }),
    )
    return id
  }

  return {
    put,
    file: (name, data, more = {}) => {
      const bytes = Buffer.from(data as Uint8Array)
      return { type: 'file', name, ...META, size: bytes.length, content: put(bytes), chunked: false, ...more }
    },
    chunked: (name, size, chunks, more = {}) => {
      const content = put(encodeChunkList(size, chunks))
      return { type: 'file', name, ...META, size, content, chunked: true, ...more }
    },
    directory: (name, entries, more = {}) => ({
      type: 'directory',
      name,
      ...META,
      mode: 0o755,
      tree: tree(entries),
      ...more,
    }),
    symlink: (name, target, more = {}) => ({ type: 'symlink', name, ...META, mode: 0o777, target, ...more }),
    tree,
    links: (groups) => put(encodeLinks(groups)),
    pack,
    snapshot(treeId, more) {
      if (!packed) pack()
      return manifest(`${JSON.stringify(fields(treeId, more))}\n`)
    },
    manifest,
    fields,
  }
}

/** The chunks that a large file of these bytes has. */
export function chunksOf(bytes: Buffer): Buffer[] {
  const chunks: Buffer[] = []
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) chunks.push(bytes.subarray(at, at + CHUNK_BYTES))
  return chunks
}

export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

/** An index whose trailing hash fits, whatever the rest says. */
export function sealIndex(body: Uint8Array): Buffer {
  return Buffer.concat([body, createHash('sha256').update(body).digest()])
}

export function varint(value: number): Buffer {
  const writer = createWriter()
  writer.varint(value)
  return Buffer.from(writer.view())
}
