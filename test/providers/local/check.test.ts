import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { findSuspects, type Suspects } from '../../../src/providers/local/check.ts'
import { openDirectory } from '../../../src/providers/local/directory.ts'
import { objectId } from '../../../src/providers/local/object-id.ts'
import { createPause } from '../../../src/providers/local/pause.ts'
import { lookIn, type Roster } from '../../../src/providers/local/roster.ts'
import { scan } from '../../../src/providers/local/scan.ts'
import { refusal, temporaryDirectory } from '../../snapshots/world.ts'
import { context } from './support.ts'

/** Enough entries for threads to help. */
const DIRECTORIES = 60
const FILES = 80

/** A tree that has come to rest, and its roster. */
async function settled(): Promise<{ root: string; roster: Roster }> {
  const root = temporaryDirectory()
  for (let n = 0; n < DIRECTORIES; n++) {
    mkdirSync(join(root, `dir-${n}`))
    for (let m = 0; m < FILES; m++) writeFileSync(join(root, `dir-${n}/file-${m}`), `${n} ${m}`)
    symlinkSync('file-1', join(root, `dir-${n}/link`))
  }
  await sleep(80)
  const directory = openDirectory(root)
  try {
    const pause = createPause(context())
    const { roster } = await scan(directory, { exclude: [], idOf: objectId, pause, clock: Date.now })
    return { root, roster }
  } finally {
    directory.close()
  }
}

function paths({ columns }: Roster, suspects: Suspects, by: 'entry' | 'within'): string[] {
  const { path } = lookIn(columns)
  return Array.from({ length: columns.count }, (_, at) => at)
    .filter((at) => suspects[by](at))
    .map((at) => path(at) || '.')
}

test.each([
  ['alone', 0],
  ['with the help of threads', 3],
])('what has changed is found, and nothing else, %s', async (_, helpers) => {
  const { root, roster } = await settled()
  const find = () => findSuspects(roster, root, createPause(context()), helpers)
  expect(paths(roster, await find(), 'within')).toEqual([])

  writeFileSync(join(root, 'dir-7/file-3'), '7 X')
  utimesSync(join(root, 'dir-7/file-4'), 1, 1)
  chmodSync(join(root, 'dir-8/file-0'), 0o600)
  writeFileSync(join(root, 'dir-20/added'), '')
  rmSync(join(root, 'dir-30/link'))
  renameSync(join(root, 'dir-40/file-0'), join(root, 'dir-41/file-0'))
  renameSync(join(root, 'dir-50'), join(root, 'moved'))
  const suspects = await find()
  const moved = ['dir-50', ...Array.from({ length: FILES }, (_, n) => `dir-50/file-${n}`), 'dir-50/link']
  const changed = [
    ...['dir-7/file-3', 'dir-7/file-4', 'dir-8/file-0', 'dir-20', 'dir-30', 'dir-30/link'],
    ...['dir-40', 'dir-40/file-0', 'dir-41', 'dir-41/file-0', '.'],
  ]
  expect(paths(roster, suspects, 'entry').sort()).toEqual([...changed, ...moved].sort())
  expect(paths(roster, suspects, 'within').sort()).toEqual(
    [...new Set([...changed, ...moved, 'dir-7', 'dir-8'])].sort(),
  )
})

test('several checks at once do not get in the way of each other', async () => {
  const trees = [await settled(), await settled()]
  writeFileSync(join(trees[0]!.root, 'dir-1/file-1'), 'changed')
  writeFileSync(join(trees[1]!.root, 'dir-2/file-2'), 'changed')
  const found = await Promise.all(
    trees.map(async ({ root, roster }) =>
      paths(roster, await findSuspects(roster, root, createPause(context())), 'entry'),
    ),
  )
  expect(found).toEqual([['dir-1/file-1'], ['dir-2/file-2']])
})

test('a check can be cancelled', async () => {
  const { root, roster } = await settled()
  const stopper = new AbortController()
  const pause = createPause(context({ signal: stopper.signal }))
  stopper.abort()
  await refusal(findSuspects(roster, root, { due: () => true, take: pause.take }), 'CANCELLED')
})
