import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createPackWriter } from '../../../../src/providers/local/store/pack-writer.ts'
import { PLAIN } from '../../../../src/providers/local/store/seal.ts'
import { refusal, temporaryDirectory } from '../../../snapshots/world.ts'
import { differences, picture } from '../../../support/oracle.ts'
import { content } from '../../../support/trees.ts'
import { intercept, shortWrites, systemFault } from '../faults.ts'
import { context, shelf, workbench } from '../support.ts'

test('a write that takes only half is gone on with', async () => {
  const box = workbench()
  box.write('file', content(300_000, 1))
  const before = box.picture()
  await shortWrites((length) => Math.ceil(length / 2))
  const { id } = await box.save()
  const copy = join(box.dir, 'copy')
  const fresh = box.open()
  const plan = await fresh.planRestore({ snapshot: id, mode: 'new', to: copy, count: 1 }, context())
  await fresh.restore(plan, context())
  expect(differences(before, picture(copy))).toEqual([])
})

test('a write that takes nothing any more is a full disk, and no snapshot', async () => {
  const box = workbench()
  box.write('file', content(300_000, 1))
  let room = 100_000
  await shortWrites((length) => {
    const count = Math.min(length, room)
    room -= count
    return count
  })
  await refusal(box.save(), 'NO_SPACE')
  expect(await shelf(box)).toEqual([])
})

test('a pack that was removed while it was written makes no snapshot', async () => {
  const box = workbench()
  for (let n = 0; n < 300; n++) box.write(`file-${n}`, content(60_000, n))
  const packs = join(box.home, 'store/packs')
  let removed = 0
  const progress = () => {
    for (const name of removed > 0 ? [] : readdirSync(packs)) {
      rmSync(join(packs, name))
      removed++
    }
  }
  const source = { kind: 'path', id: box.root, name: 'root' }
  const request = { source, name: 'saved', labels: {}, auto: false, protected: false }
  await refusal(box.provider.create(request, context({ progress })), 'CONFLICT')
  expect(removed).toBe(1)
  expect(await shelf(box)).toEqual([])
})

/** A writer with two packs: noise of more than half a pack, twice. */
async function twoPacks() {
  const packs = temporaryDirectory()
  const writer = createPackWriter(packs, PLAIN)
  const half = Buffer.alloc(130 * 1024 * 1024, content(1_048_573, 1))
  for (const id of ['a', 'b']) writer.append(id.repeat(64), half, 'content')
  await writer.flush()
  expect(readdirSync(packs).filter((name) => name.endsWith('.pack'))).toHaveLength(2)
  return { packs, writer }
}

test('what is given up leaves nothing, also where it took several packs', async () => {
  const { packs, writer } = await twoPacks()
  await writer.abort()
  expect(readdirSync(packs)).toEqual([])
})

describe('a commit that fails leaves what others may have found and rely on', () => {
  const whole = (packs: string) =>
    readdirSync(packs).filter(
      (name) => name.endsWith('.idx') && existsSync(join(packs, name.replace('.idx', '.pack'))),
    )

  test('a pack whose index was there before that of another one failed', async () => {
    const { packs, writer } = await twoPacks()
    let indexes = 0
    intercept('renameSync', (_from, to) => {
      if (to.endsWith('.idx') && ++indexes === 2) throw systemFault('ENOSPC')
    })
    await expect(writer.commit()).rejects.toThrow('ENOSPC')
    await writer.abort()
    expect(whole(packs)).toHaveLength(1)
  })

  test('a pack whose index is there, but may not survive a power cut', async () => {
    const packs = temporaryDirectory()
    const writer = createPackWriter(packs, PLAIN)
    writer.append('a'.repeat(64), content(1000, 1), 'content')
    let isThere = false
    intercept(
      'renameSync',
      () => {},
      () => {
        isThere = true
      },
    )
    intercept('openSync', (path) => {
      if (isThere && path === packs) throw systemFault('EIO')
    })
    await refusal(writer.commit(), 'INTERNAL')
    await writer.abort()
    expect(whole(packs)).toHaveLength(1)
  })
})
