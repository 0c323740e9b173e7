import type { Pause } from '../pause.ts'
import { unlessShort } from '../system-error.ts'
import type { Mark } from './mark.ts'
import { byBlock, type ObjectStore, type ObjectWriter } from './objects.ts'
import type { Place } from './pack-index.ts'
import type { Pack } from './pack-table.ts'

/** A pack holds something that is needed, cannot be read and is nowhere else: it stays as it is. */
export class DamagedPack extends Error {
  readonly pack: string

  constructor(pack: string) {
    super('a pack cannot be copied')
    this.pack = pack
  }
}

/**
 * Writes what is live in some packs to a new one, each object checked against its id. Blocks of which everything lives
 * are taken over as they are. Nothing is committed yet. Throws DamagedPack.
 */
export async function copyLive(
  objects: ObjectStore,
  packs: readonly Pack[],
  mark: Mark,
  pause: Pause,
): Promise<ObjectWriter> {
  const writer = objects.writer()
  const names = new Set(packs.map(({ name }) => name))

  const isNeeded = async (id: string): Promise<boolean> => {
    if (!mark.isLive(id) || writer.has(id)) return false
    // What is read from another pack need not be kept here, if it is good there.
    return names.has(objects.packOf(id) ?? '') || !(await objects.isElsewhere(id, names))
  }

  const copyBlock = async (pack: Pack, number: number, held: readonly number[]): Promise<void> => {
    const idAt = (n: number) => pack.index.ids[n] as string
    const placeAt = (n: number) => pack.index.places[n] as Place
    const needed: number[] = []
    for (const n of held) if (await isNeeded(idAt(n))) needed.push(n)
    if (needed.length === 0) return
    const block = await objects.readBlock(pack, number).catch(unlessShort)
    const bytesAt = (n: number) =>
      block?.whole.subarray(placeAt(n).offset, placeAt(n).offset + placeAt(n).length)
    const isSound = (n: number) => {
      const bytes = bytesAt(n)
      return bytes !== undefined && objects.idOf(bytes) === idAt(n)
    }
    if (block && needed.length === held.length && held.every(isSound)) {
      const { packed, codec, whole } = block
      writer.appendBlock({ ids: held.map(idAt), parts: held.map(placeAt), size: whole.length, codec, packed })
      return
    }
    for (const n of needed) {
      const bytes = bytesAt(n)
      if (bytes && isSound(n)) writer.append(idAt(n), bytes, mark.streamOf(idAt(n)))
      else if (!(await objects.isElsewhere(idAt(n), new Set([pack.name])))) throw new DamagedPack(pack.name)
    }
  }

  try {
    for (const pack of packs) {
      for (const [number, held] of byBlock(pack.index).entries()) {
        await copyBlock(pack, number, held)
        if (writer.busy()) await writer.drain()
        if (pause.due()) await pause.take()
      }
    }
    await writer.flush()
    return writer
  } catch (error) {
    await writer.abort()
    throw error
  }
}
