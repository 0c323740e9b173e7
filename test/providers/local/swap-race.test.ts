import { fork } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { SnapshotError } from '../../../src/snapshots/errors.ts'
import { refusal } from '../../snapshots/world.ts'
import { differences, picture } from '../../support/oracle.ts'
import { intercept } from './faults.ts'
import { context, native, workbench } from './support.ts'

const FILES = Array.from({ length: 100 }, (_, n) => (n % 2 ? `file-${n}` : `sub/file-${n}`))
const EXTRA = Array.from({ length: 20 }, (_, n) => `extra-${n}`)

/** A process that swaps `hot` for a symlink to `outside` on demand. `swap` resolves when it has begun. */
async function startSwapper(hot: string, aside: string, outside: string) {
  const child = fork(join(import.meta.dirname, 'swapper.ts'), [hot, aside, outside], {
    execArgv: ['--import', 'tsx'],
  })
  const gone = once(child, 'exit')
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await gone
  })
  let done = Promise.resolve<unknown>(undefined)
  return {
    async swap(ms: number) {
      const told = once(child, 'message')
      child.send(ms)
      await told
      done = once(child, 'message')
    },
    quiet: () => done,
  }
}

/** Whatever goes wrong in such a race was foreseen. */
async function foreseen(call: Promise<unknown>): Promise<'done' | 'refused'> {
  try {
    await call
    return 'done'
  } catch (error) {
    expect(error).toBeInstanceOf(SnapshotError)
    return 'refused'
  }
}

test('a directory swapped for a symlink all the while leads nobody outside', {
  timeout: 60_000,
}, async () => {
  const box = workbench()
  const outside = join(box.dir, 'outside')
  mkdirSync(join(outside, 'sub'), { recursive: true })
  // The same names, so that whatever is written, replaced or removed inside has its match outside.
  for (const path of [...FILES, ...EXTRA]) writeFileSync(join(outside, path), `outside ${path}`)
  const before = picture(outside)
  const outsiders = new Set([...before.values()].map(({ sha256 }) => sha256).filter(Boolean))

  for (const path of FILES) box.write(`hot/${path}`, `saved ${path}`)
  const { id } = await box.save()
  const swapper = await startSwapper(box.at('hot'), join(box.dir, 'aside'), outside)
  const outcomes = { saves: 0, restores: 0 }
  const end = performance.now() + 2500
  const isEnough = () => performance.now() >= end && outcomes.restores > 3 && outcomes.saves > 0
  for (let round = 0; !isEnough(); round++) {
    rmSync(box.at('hot'), { recursive: true, force: true })
    for (const path of [...FILES, ...EXTRA]) box.write(`hot/${path}`, `live ${round} ${path}`)
    await foreseen(box.restore(id, {}, { record: () => swapper.swap(60) }))
    outcomes.restores++
    await swapper.quiet()
    expect(differences(before, picture(outside), { mtimeNs: 0n })).toEqual([])

    await swapper.swap(60)
    if ((await foreseen(box.save())) === 'done') outcomes.saves++
    await swapper.quiet()
  }

  const { items } = await box.provider.list(
    { include_auto: true, include_trashed: true, limit: 100 },
    context(),
  )
  for (const [n, snapshot] of items.entries()) {
    const to = join(box.dir, `copy-${n}`)
    await box.restore(native(snapshot), { mode: 'new', to })
    for (const [path, { sha256 }] of picture(to)) expect(outsiders.has(sha256), path).toBe(false)
  }
})

describe('a source that is gone, with the directory above it', () => {
  async function gone() {
    const box = workbench()
    const outside = join(box.dir, 'outside')
    mkdirSync(join(outside, 'hot'), { recursive: true, mode: 0o700 })
    box.write('above/hot/file', 'saved')
    chmodSync(box.at('above/hot'), 0o777)
    const { id } = await box.save({ from: box.at('above/hot') })
    rmSync(box.at('above'), { recursive: true })
    const before = picture(outside)
    const unchanged = () => expect(differences(before, picture(outside), { mtimeNs: 0n })).toEqual([])
    /** Puts a symlink to what is outside in the place of a directory. */
    const swap = (path: string, target: string) => {
      renameSync(box.at(path), join(box.dir, 'aside'))
      symlinkSync(join(outside, target), box.at(path))
    }
    return { box, id, unchanged, swap }
  }

  test.each(['above', 'above/hot'])('%s, swapped as it is made again, leads nobody outside', async (path) => {
    const { box, id, unchanged, swap } = await gone()
    const made = (at: string) => at.endsWith(`/${path.split('/').at(-1)}`) && swap(path, 'hot')
    intercept('mkdirSync', () => {}, made)
    await refusal(box.restore(id), 'PLAN_STALE')
    unchanged()
  })

  test('that is taken away again takes nothing away outside', async () => {
    const { box, id, unchanged, swap } = await gone()
    const record = async () => {
      swap('above', '.')
      throw new Error('the way back cannot be recorded')
    }
    await expect(box.restore(id, {}, { record })).rejects.toThrow()
    unchanged()
  })
})
