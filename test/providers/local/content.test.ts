import { closeSync, ftruncateSync, openSync, statSync, writeSync } from 'node:fs'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MalformedBytes } from '../../../src/providers/local/bytes.ts'
import { CHUNK_BYTES, decodeChunkList, encodeChunkList } from '../../../src/providers/local/content.ts'
import { differences, picture } from '../../support/oracle.ts'
import { content } from '../../support/trees.ts'
import { damage, hex, spoil } from './arbitraries.ts'
import { workbench } from './support.ts'

const KiB = 1024
const MiB = 1024 * KiB

describe('the list of chunks', () => {
  const list = fc
    .tuple(fc.array(hex, { maxLength: 8 }), fc.nat(CHUNK_BYTES - 1))
    .map(([chunks, less]) => ({ chunks, size: Math.max(0, chunks.length * CHUNK_BYTES - less) }))

  test('survives being written and read', () => {
    fc.assert(
      fc.property(list, ({ size, chunks }) => {
        expect(decodeChunkList(encodeChunkList(size, chunks))).toEqual({ size, chunks })
      }),
    )
  })

  test('when damaged is refused, or has as many chunks as its size needs', () => {
    fc.assert(
      fc.property(list, damage, ({ size, chunks }, what) => {
        try {
          const read = decodeChunkList(spoil(encodeChunkList(size, chunks), what))
          expect(read.chunks).toHaveLength(Math.ceil(read.size / CHUNK_BYTES))
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedBytes)
        }
      }),
      { numRuns: 2000 },
    )
  })

  test.each([
    ['a chunk too few', encodeChunkList(3 * CHUNK_BYTES, ['00'.repeat(32), '11'.repeat(32)])],
    ['a chunk too many', encodeChunkList(CHUNK_BYTES, ['00'.repeat(32), '11'.repeat(32)])],
    ['a size beyond all memory', encodeChunkList(Number.MAX_SAFE_INTEGER, [])],
    ['another magic', Buffer.from('SCL2\0')],
    ['nothing', Buffer.alloc(0)],
  ])('with %s is refused', (_what, bytes) => {
    expect(() => decodeChunkList(bytes)).toThrow(MalformedBytes)
  })
})

test.each([
  0,
  1,
  256 * KiB - 1,
  256 * KiB,
  256 * KiB + 1,
  MiB - 1,
  MiB,
  MiB + 1,
  5 * 256 * KiB - 1,
  5 * 256 * KiB,
  5 * 256 * KiB + 1,
])('a file of %i bytes comes back, in place and as a copy', async (size) => {
  const box = workbench()
  box.write('file', content(size, 1))
  const before = box.picture()
  const { id, receipt } = await box.save()
  expect(receipt).toMatchObject({ files: 1, bytes_captured: size })
  box.write('file', content(size + 1, 2))
  await box.restore(id)
  expect(differences(before, box.picture())).toEqual([])
  await box.restore(id, { mode: 'new', to: `${box.dir}/copy` })
  expect(differences(before, picture(`${box.dir}/copy`))).toEqual([])
})

test('a sparse file stays sparse', async () => {
  const box = workbench()
  const fd = openSync(box.at('disk.img'), 'w')
  ftruncateSync(fd, 64 * MiB)
  writeSync(fd, 'in the middle', 32 * MiB)
  writeSync(fd, 'at the end', 64 * MiB - 10)
  closeSync(fd)
  const before = box.picture()
  const { id } = await box.save()
  await box.restore(id, { mode: 'new', to: `${box.dir}/copy` })
  expect(differences(before, picture(`${box.dir}/copy`))).toEqual([])
  // Two chunks hold data; blocks are counted in units of 512 bytes.
  expect(statSync(`${box.dir}/copy/disk.img`).blocks * 512).toBeLessThanOrEqual(2 * CHUNK_BYTES + 64 * KiB)
})

test('a large file that was edited costs its changed chunks', async () => {
  const box = workbench()
  const data = content(8 * MiB, 3)
  box.write('base.db', data)
  await box.save()
  data.write('edited', 5 * MiB)
  box.write('base.db', data)
  const { receipt } = await box.save()
  expect(receipt).toMatchObject({ bytes_captured: CHUNK_BYTES, bytes_reused: 8 * MiB - CHUNK_BYTES })
})

test('the same content is stored once, whatever it is called and wherever it lies', async () => {
  const box = workbench()
  box.write('a', content(300_000, 4))
  box.write('b/c', content(300_000, 4))
  expect((await box.save()).receipt).toMatchObject({ bytes_captured: 300_000, bytes_reused: 300_000 })

  const stored = async () => (await box.provider.health({} as never)).usage?.store_bytes as number
  const before = await stored()
  await box.restore((await box.save()).id, { mode: 'new', to: `${box.dir}/other` })
  const { receipt } = await box.save({ from: `${box.dir}/other` })
  expect(receipt).toMatchObject({ bytes_captured: 0, bytes_reused: 600_000 })
  expect((await stored()) - before).toBeLessThan(4096)
})
