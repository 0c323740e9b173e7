import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createObjectStore } from '../../../../src/providers/local/store/objects.ts'
import { PLAIN } from '../../../../src/providers/local/store/seal.ts'
import { temporaryDirectory } from '../../../snapshots/world.ts'
import { content } from '../../../support/trees.ts'
import { intercept, systemFault } from '../faults.ts'

test('an object that cannot be read for too many open files is not damaged, and is read later', async () => {
  const directory = temporaryDirectory()
  const open = () => createObjectStore(directory, { seal: PLAIN, notes: join(directory, 'damaged') })
  const writer = open().writer()
  const { id } = writer.put(content(1000, 1), 'content')
  await writer.commit()

  const store = open()
  store.refresh()
  let isShort = true
  intercept('openSync', (path) => {
    if (isShort && path.endsWith('.pack')) throw systemFault('EMFILE')
  })
  await expect(store.read(id)).rejects.toThrow('EMFILE')
  await expect(store.check(() => true).next()).rejects.toThrow('EMFILE')
  expect(store.losses()).toBe(0)
  isShort = false
  expect((await store.read(id)).equals(content(1000, 1))).toBe(true)
})
