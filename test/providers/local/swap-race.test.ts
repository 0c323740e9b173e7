import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { SnapshotError } from '../../../src/snapshots/errors.ts'
import { differences, picture } from '../../support/oracle.ts'
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
  for (let round = 0; performance.now() < end; round++) {
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
  expect(outcomes.restores).toBeGreaterThan(3)
  expect(outcomes.saves).toBeGreaterThan(0)

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
