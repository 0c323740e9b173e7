import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { SnapshotError } from '../../../src/snapshots/errors.ts'
import { differences, picture } from '../../support/oracle.ts'
import { context, workbench } from './support.ts'

const MARK = 'outside content that no snapshot may ever hold'
const FILES = ['one', 'two', 'three', 'sub/four', 'sub/five']

test('a directory swapped for a symlink all the while leads neither a restore nor a create outside', async () => {
  const box = workbench()
  const outside = join(box.dir, '..', `${box.dir.split('/').at(-1)}-outside`)
  mkdirSync(join(outside, 'sub'), { recursive: true })
  onTestFinished(() => void import('node:fs').then(({ rmSync }) => rmSync(outside, { recursive: true })))
  // The same names, so that what is written, replaced or removed inside has its match outside.
  for (const path of [...FILES, 'extra', 'sub/extra']) writeFileSync(join(outside, path), `${MARK}: ${path}`)
  const before = picture(outside)

  for (const path of FILES) box.write(`hot/${path}`, `saved ${path}`)
  const { id } = await box.save()
  const swapper = spawn(process.execPath, [
    ...['--import', 'tsx', join(import.meta.dirname, 'swapper.ts')],
    ...[box.at('hot'), join(box.dir, 'aside'), outside],
  ])
  const gone = once(swapper, 'exit')
  const rounds = { saved: 0, restored: 0, refused: 0 }
  try {
    await once(swapper.stdout, 'data')
    const end = performance.now() + 2000
    for (let n = 0; performance.now() < end; n++) {
      try {
        for (const path of [...FILES, 'extra', 'sub/extra']) box.write(`../aside/${path}`, `live ${n}`)
      } catch {
        // Swapped back just now.
      }
      const calls = [
        box.save().then(() => rounds.saved++),
        box.restore(id).then(() => rounds.restored++),
      ]
      for (const outcome of await Promise.allSettled(calls)) {
        if (outcome.status === 'fulfilled') continue
        // Whatever it was, it was foreseen.
        expect(outcome.reason).toBeInstanceOf(SnapshotError)
        rounds.refused++
      }
    }
  } finally {
    swapper.kill('SIGKILL')
    await gone
  }
  expect(rounds.saved + rounds.restored + rounds.refused).toBeGreaterThan(10)
  expect(rounds.saved).toBeGreaterThan(0)
  expect(differences(before, picture(outside), { mtimeNs: 0n })).toEqual([])

  const { items } = await box.provider.list({ include_auto: true, include_trashed: true, limit: 100 }, context())
  for (const [n, { id: each }] of items.entries()) {
    const to = join(box.dir, `copy-${n}`)
    await box.restore(each.slice('local:'.length), { mode: 'new', to })
    for (const [path, { sha256 }] of picture(to)) {
      const outsiders = [...before.values()].map((entry) => entry.sha256)
      if (sha256 !== undefined) expect(outsiders, path).not.toContain(sha256)
    }
  }
}, 60_000)
