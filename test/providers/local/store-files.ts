import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { decodeIndex } from '../../../src/providers/local/store/pack-index.ts'
import type { Workbench } from './support.ts'

/** The files of a folder of the store, by their whole paths. */
export function storeFiles({ home }: Pick<Workbench, 'home'>, folder: string): string[] {
  return readdirSync(join(home, 'store', folder)).map((name) => join(home, 'store', folder, name))
}

/** The pack in which these bytes lie as they are: content that does not compress. */
export function packOf(box: Workbench, bytes: Buffer): string {
  const found = storeFiles(box, 'packs').find((path) => readFileSync(path).includes(bytes.subarray(0, 64)))
  if (!found) throw new Error('the stored bytes were not found')
  return found
}

/** Flips one bit of these stored bytes. */
export function flip(box: Workbench, bytes: Buffer): void {
  const path = packOf(box, bytes)
  const pack = readFileSync(path)
  const at = pack.indexOf(bytes.subarray(0, 64)) + 32
  pack[at] = (pack[at] as number) ^ 1
  writeFileSync(path, pack)
}

/** Damages an object that is stored uncompressed, and nothing else in its block. */
export function spoilObject(box: Workbench, id: string): void {
  for (const path of storeFiles(box, 'packs').filter((each) => each.endsWith('.idx'))) {
    const { ids, places, blocks } = decodeIndex(readFileSync(path))
    const place = places[ids.indexOf(id)]
    const block = place && blocks[place.block]
    if (!block) continue
    if (block.codec !== 0) throw new Error('it is stored compressed')
    const pack = path.replace(/idx$/, 'pack')
    const bytes = readFileSync(pack)
    const at = block.offset + place.offset
    bytes[at] = (bytes[at] as number) ^ 1
    writeFileSync(pack, bytes)
    return
  }
  throw new Error('the object was not found')
}
