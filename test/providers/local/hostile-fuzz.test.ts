import { cpSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeChunkList } from '../../../src/providers/local/content.ts'
import { encodeLinks } from '../../../src/providers/local/digest.ts'
import { encodeTree } from '../../../src/providers/local/tree.ts'
import { content } from '../../support/trees.ts'
import { type Damage, damage, spoil } from './arbitraries.ts'
import { chunksOf, forge, sealIndex, sha256 } from './forge.ts'
import { endure, isStillGood, type Siege, siege } from './siege.ts'
import { storeFiles } from './store-files.ts'

/** Of each of the two, on top of what is done before. */
const TIME_MS = 8000
const run = <T>(property: fc.IAsyncProperty<T>) =>
  fc.assert(property, { numRuns: 1_000_000, interruptAfterTimeLimit: TIME_MS, endOnFailure: true })

/** A siege that starts anew as often as one likes. */
async function again(): Promise<{ at: Siege; reset(): void }> {
  const at = await siege()
  const { home, root, dir } = at.box
  const saved = join(home, 'saved')
  cpSync(join(home, 'store'), join(saved, 'store'), { recursive: true })
  cpSync(root, join(saved, 'root'), { recursive: true, verbatimSymlinks: true })
  const reset = () => {
    for (const path of [join(home, 'store'), root, at.copy, join(dir, 'good')])
      rmSync(path, { recursive: true, force: true })
    cpSync(join(saved, 'store'), join(home, 'store'), { recursive: true })
    cpSync(join(saved, 'root'), root, { recursive: true, verbatimSymlinks: true })
  }
  return { at, reset }
}

test('any file of a store, spoilt by chance or by somebody who computes the hashes anew', async () => {
  const { at, reset } = await again()
  const folders = ['packs', 'snapshots', 'details', 'cache']
  const names = folders.flatMap((folder) => storeFiles(at.box, folder))
  const files = [...names, join(at.box.home, 'store/store.json')]
  await run(
    fc.asyncProperty(fc.constantFrom(...files), damage, fc.boolean(), async (path, what, hashed) => {
      reset()
      await endure(at, spoilFile(at, path, what, hashed))
    }),
  )
}, 60_000)

/** The id of the snapshot to try: another one when its manifest was spoilt and named after its new hash. */
function spoilFile({ good }: Siege, path: string, what: Damage, hashed: boolean): string {
  const bytes = readFileSync(path)
  if (!hashed || !/\.(idx|scan|json)$/.test(path)) {
    writeFileSync(path, spoil(bytes, what))
  } else if (path.endsWith('.json')) {
    const spoilt = spoil(bytes, what)
    writeFileSync(path, spoilt)
    if (!path.includes('/snapshots/')) return good.id
    const id = sha256(spoilt).slice(0, 32)
    renameSync(path, path.replace(good.id, id))
    return id
  } else {
    writeFileSync(path, sealIndex(spoil(bytes.subarray(0, -32), what)))
  }
  return good.id
}

test('trees, lists of chunks and lists of links that were spoilt and have the right hashes', async () => {
  const { at, reset } = await again()
  const large = content(1_200_000, 1)
  const which = fc.constantFrom('tree' as const, 'below' as const, 'chunks' as const, 'links' as const)
  let restored = 0
  await run(
    fc.asyncProperty(which, damage, async (target, what) => {
      reset()
      const f = forge(at.box)
      const put = (kind: typeof target, bytes: Buffer) => f.put(kind === target ? spoil(bytes, what) : bytes)
      const chunks = put('chunks', encodeChunkList(large.length, chunksOf(large).map(f.put)))
      const below = put(
        'below',
        encodeTree([f.file('in', 'x', { mode: 0o4755 }), f.symlink('up', '../../outside')]),
      )
      const entries = [
        { ...f.directory('dir', []), tree: below },
        f.file('kept', 'y'),
        { ...f.chunked('large', large.length, []), content: chunks },
        f.symlink('link', '../outside'),
        f.file('same', 'y'),
      ]
      const tree = put('tree', encodeTree(entries))
      const links = put('links', encodeLinks([['kept', 'same']]))
      const answers = await endure(at, f.snapshot(tree, { links }))
      if (answers.new === 'done') restored++
      await isStillGood(at)
    }),
  )
  // Otherwise nothing was tried but the first check.
  expect(restored).toBeGreaterThan(0)
}, 60_000)
