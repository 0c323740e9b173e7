import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { refusal } from '../../snapshots/world.ts'
import { differences } from '../../support/oracle.ts'
import { intercept } from './faults.ts'
import { interruptible, journalsOf, killed, leftoversIn, outcomes, recover, unlocked } from './interrupted.ts'
import { context, shelf, type Workbench, workbench } from './support.ts'

const diff = ({ provider }: Workbench, from: string) =>
  provider.diff!({ from, limit: 1, content: false }, context())

describe('where a restore was killed, until it is taken up', () => {
  test('nothing is captured, compared or restored', async () => {
    const { box, id, good } = await killed('committing+12')
    const [half, saved, left] = [box.picture(), await shelf(box), leftoversIn(box)]
    const problem = await refusal(box.save(), 'BUSY')
    expect(problem).toMatchObject({ outcome: 'not_started', retryable: true, retry_after_ms: 2000 })
    await refusal(box.save({ from: box.at('dir') }), 'BUSY')
    await refusal(diff(box, id), 'BUSY')
    await refusal(box.plan(id), 'BUSY')
    await refusal(box.restore(id, { mode: 'new', to: box.at('dir/copy') }), 'BUSY')
    expect(differences(half, box.picture())).toEqual([])
    expect([await shelf(box), leftoversIn(box)]).toEqual([saved, left])
    expect(journalsOf(box)).toHaveLength(1)

    expect(outcomes(await recover(box))).toEqual(['finished'])
    await box.save()
    expect(differences(good, box.picture())).toEqual([])
  })

  test('a copy is made beside it all the same', async () => {
    const { box, id } = await killed('committing+12')
    await box.restore(id, { mode: 'new', to: join(box.dir, 'copy') })
    expect(readdirSync(join(box.dir, 'copy'))).toContain('edited')
  })

  test('and a copy that was killed keeps only those away who would see the half of it', async () => {
    const subject = await interruptible()
    const { box, id } = subject
    expect(subject.run({ snapshot: id, mode: 'new', to: box.at('copy') }, 'staging+12')).toBeUndefined()
    await refusal(box.save(), 'BUSY')
    await box.save({ from: box.at('dir') })
    expect(outcomes(await recover(box))).toEqual(['rolled_back'])
    await box.save()
  })

  test('but a server that may not take it up, having other roots, is not kept from working', async () => {
    const { box } = await killed('committing+12')
    const other = box.open({ roots: [box.at('dir')] })
    const request = {
      source: { kind: 'path', id: box.at('dir'), name: 'dir' },
      ...{ name: 'of another server', labels: {}, auto: false, protected: false },
    }
    await refusal(other.create(request, context()), 'BUSY')
    await other.recover?.({ hold: unlocked, async settle() {} }, context())
    await other.create(request, context())
  })
})

describe('while a restore is under way', () => {
  test('nobody reads or restores what it is about, nor what that is in, nor what is in that', async () => {
    const box = workbench()
    for (const path of ['sub/file', 'sub/deep/file', 'beside/file']) box.write(path, 'saved')
    const { id: whole } = await box.save()
    const { id: below } = await box.save({ from: box.at('sub/deep') })
    const { id } = await box.save({ from: box.at('sub') })
    for (const path of ['sub/file', 'sub/deep/file']) box.write(path, 'changed')
    const [planned, plannedBelow] = [await box.plan(whole), await box.plan(below)]
    const record = async () => {
      for (const from of [box.root, box.at('sub'), box.at('sub/deep')])
        await refusal(box.save({ from }), 'BUSY')
      await refusal(diff(box, whole), 'BUSY')
      await refusal(box.provider.restore(planned, context()), 'BUSY')
      await refusal(box.provider.restore(plannedBelow, context()), 'BUSY')
      await box.save({ from: box.at('beside') })
      expect(journalsOf(box)).toHaveLength(1)
    }
    await box.restore(id, {}, { record })
    expect([box.read('sub/file'), journalsOf(box)]).toEqual(['saved', []])
    await box.save()
  })

  /** A source with a subdirectory to be restored; what is captured of it dawdles until that is over. */
  async function dawdling() {
    const box = workbench()
    mkdirSync(box.at('many'))
    for (let n = 0; n < 1500; n++) box.write(`many/file-${n}`, 'text')
    box.write('sub/file', 'saved')
    const { id } = await box.save({ from: box.at('sub') })
    box.write('sub/file', 'changed')
    const plan = await box.plan(id)
    const restore = { isOver: false, begin: () => {} }
    intercept('lstatSync', (path) => {
      if (restore.isOver || !/\/file-\d+$/.test(path)) return
      restore.begin()
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3)
    })
    const run = (record = async () => {}) =>
      box.provider.restore(plan, context({ record })).finally(() => {
        restore.isOver = true
      })
    return { box, restore, run }
  }

  test('that began and ended after a capture had begun, what was captured is not kept', async () => {
    const { box, restore, run } = await dawdling()
    let running: Promise<unknown> | undefined
    restore.begin = () => {
      running ??= run()
    }
    await refusal(box.save(), 'BUSY')
    expect(restore.isOver).toBe(true)
    await running
    expect((await box.save()).receipt?.files).toBe(1501)
  })

  test('a capture does not begin, though it would end later', async () => {
    const { box, run } = await dawdling()
    let refused: Promise<unknown> | undefined
    await run(async () => {
      refused = refusal(box.save(), 'BUSY')
    })
    await refused
  })
})
