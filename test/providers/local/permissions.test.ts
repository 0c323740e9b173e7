import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Problem } from '../../../src/snapshots/errors.ts'
import type { Receipt } from '../../../src/snapshots/model.ts'
import { differences, picture } from '../../support/oracle.ts'
import { AS_ROOT, type Workbench, workbench } from './support.ts'

const NOBODY = 65534
/** A group that the user is in as well. */
const TEAM = 4242
const SCRIPT = join(import.meta.dirname, 'nobody.ts')

interface Answer {
  id: string
  receipt: Receipt
  warnings: string[]
  problem: Problem
}

/** Only root can become somebody else, and root itself is stopped by no permission. */
const CAN_BECOME = AS_ROOT && spawnSync('setpriv', ['--version']).status === 0

describe.runIf(CAN_BECOME)('a user who is not root (needs root and setpriv, to become that user)', () => {
  function theirs(): Workbench & { asNobody(...args: string[]): Answer } {
    const box = workbench()
    // By setpriv, because Node cannot give a child further groups.
    const ids = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, `--groups=${NOBODY},${TEAM}`]
    const asNobody = (...args: string[]) =>
      JSON.parse(
        execFileSync('setpriv', [...ids, process.execPath, '--import', 'tsx', SCRIPT, box.dir, ...args], {
          encoding: 'utf8',
          env: { ...process.env, TMPDIR: box.dir },
        }),
      ) as Answer
    return { ...box, asNobody }
  }

  const handOver = (box: Workbench) => execFileSync('chown', ['-R', `${NOBODY}:${NOBODY}`, box.dir])

  test('gets read-only directories back, and they are read-only again', () => {
    const box = theirs()
    box.write('locked/file', 'saved')
    box.write('locked/deep/gone', 'saved')
    chmodSync(box.at('locked/deep'), 0o555)
    chmodSync(box.at('locked'), 0o555)
    handOver(box)
    const before = box.picture()
    const { id } = box.asNobody('save')
    box.write('locked/file', 'broken')
    box.write('locked/deep/more', 'new')
    execFileSync('rm', [box.at('locked/deep/gone')])
    handOver(box)
    expect(box.asNobody('restore', id)).toEqual({ warnings: [] })
    expect(differences(before, box.picture())).toEqual([])
    expect(box.asNobody('restore', id, join(box.dir, 'copy'))).toEqual({ warnings: [] })
    expect(differences(before, picture(join(box.dir, 'copy')))).toEqual([])
  })

  test('can have a read-only directory removed that the snapshot does not have', () => {
    const box = theirs()
    handOver(box)
    const { id } = box.asNobody('save')
    box.write('new/deep/file', 'new')
    chmodSync(box.at('new/deep'), 0o500)
    chmodSync(box.at('new'), 0o555)
    handOver(box)
    expect(box.asNobody('restore', id)).toEqual({ warnings: [] })
    expect([...box.picture().keys()]).toEqual([''])
  })

  test.each([0o000, 0o200, 0o444, 0o111])(
    'a directory of mode %o that cannot be read stays as it is',
    (mode) => {
      const box = theirs()
      box.write('closed/file', 'saved')
      box.write('open', 'saved')
      chmodSync(box.at('closed'), mode)
      handOver(box)
      const { id, receipt } = box.asNobody('save')
      expect(receipt.skipped).toEqual([{ reason: 'unreadable', count: 1, samples: [{ path: 'closed' }] }])
      // What was not captured is not counted as captured.
      expect(receipt).toMatchObject({ files: 1, directories: 1 })
      const closed = picture(box.at('closed'))
      box.write('open', 'broken')
      handOver(box)
      expect(box.asNobody('restore', id)).toEqual({ warnings: [] })
      expect(box.read('open')).toBe('saved')
      expect(differences(closed, picture(box.at('closed')))).toEqual([])
    },
  )

  test('a directory closed after the snapshot was made is left alone, with a warning', () => {
    const box = theirs()
    box.write('closed/file', 'saved')
    box.write('open', 'saved')
    handOver(box)
    const { id } = box.asNobody('save')
    box.write('closed/file', 'broken')
    box.write('open', 'broken')
    chmodSync(box.at('closed'), 0o000)
    const { warnings } = box.asNobody('restore', id)
    expect(warnings.join()).toContain('closed')
    expect([box.read('open'), box.read('closed/file')]).toEqual(['saved', 'broken'])
    expect(statSync(box.at('closed')).mode & 0o777).toBe(0)
  })

  test('a file that cannot be read is listed and stays', () => {
    const box = theirs()
    box.write('secret', 'never captured', 0o000)
    box.write('open', 'saved')
    handOver(box)
    const { id, receipt } = box.asNobody('save')
    expect(receipt.skipped).toEqual([{ reason: 'unreadable', count: 1, samples: [{ path: 'secret' }] }])
    box.write('open', 'broken')
    handOver(box)
    box.asNobody('restore', id)
    expect([box.read('open'), box.read('secret')]).toEqual(['saved', 'never captured'])
  })

  test('gets the group of a replaced file back when it is one of theirs', () => {
    const box = theirs()
    box.write('shared', 'saved', 0o640)
    handOver(box)
    chownSync(box.at('shared'), NOBODY, TEAM)
    const before = box.picture()
    const { id } = box.asNobody('save')
    box.write('shared', 'broken', 0o640)
    expect(box.asNobody('restore', id)).toEqual({ warnings: [] })
    expect(differences(before, box.picture())).toEqual([])
  })

  test('is told of an owner that only root could give back', () => {
    const box = theirs()
    handOver(box)
    box.write('roots', 'saved')
    const { id } = box.asNobody('save')
    box.write('roots', 'broken')
    expect(box.asNobody('restore', id).warnings.join()).toContain('owner')
    expect(box.read('roots')).toBe('saved')
    expect(statSync(box.at('roots')).uid).toBe(NOBODY)
  })

  test('what belongs to somebody else is named, and the rest is restored', () => {
    const box = theirs()
    box.write('mine/file', 'saved')
    box.write('roots/file', 'saved')
    handOver(box)
    const { id } = box.asNobody('save')
    box.write('mine/file', 'broken')
    box.write('roots/file', 'broken')
    handOver(box)
    chownSync(box.at('roots'), 0, 0)
    chmodSync(box.at('roots'), 0o755)
    const { problem } = box.asNobody('restore', id)
    expect(problem).toMatchObject({ outcome: expect.stringMatching(/partial|not_started/) })
    expect(box.read('roots/file')).toBe('broken')
    // Either nothing was changed, and that is what was said, or all but this.
    expect(box.read('mine/file')).toBe(problem.outcome === 'partial' ? 'saved' : 'broken')
    expect([...box.picture().keys()].filter((path) => path.includes('.snapshot-mcp'))).toEqual([])
  })
})

describe('special permission bits', () => {
  const MODES = { 'bin/suid': 0o4755, 'bin/sgid': 0o2755, 'bin/both': 0o6711 }

  function withModes(policy: 'keep' | 'strip') {
    const box = workbench({ specialModes: policy })
    for (const [path, mode] of Object.entries(MODES)) box.write(path, 'x', mode)
    mkdirSync(box.at('shared'))
    chmodSync(box.at('shared'), 0o2775)
    mkdirSync(box.at('tmp'))
    chmodSync(box.at('tmp'), 0o1777)
    return box
  }
  const modes = (box: Workbench) =>
    Object.fromEntries([...box.picture()].map(([path, { mode }]) => [path, mode.toString(8)]))

  test('come back where policy keeps them', async () => {
    const box = withModes('keep')
    const before = modes(box)
    const { id } = await box.save()
    for (const path of Object.keys(MODES)) box.write(path, 'broken', 0o755)
    chmodSync(box.at('shared'), 0o755)
    const { warnings } = await box.restore(id)
    expect(warnings).toEqual([])
    expect(modes(box)).toEqual(before)
  })

  test('of files stay away where policy strips them, and that is said', async () => {
    const box = withModes('strip')
    const { id } = await box.save()
    const { warnings } = await box.restore(id, { mode: 'new', to: join(box.dir, 'copy') })
    expect(warnings.join()).toMatch(/setuid or setgid of 3 files/)
    const copy = Object.fromEntries(
      [...picture(join(box.dir, 'copy'))].map(([path, e]) => [path, e.mode.toString(8)]),
    )
    expect(copy).toMatchObject({
      'bin/suid': '755',
      'bin/sgid': '755',
      'bin/both': '711',
      shared: '2775',
      tmp: '1777',
    })
  })
})
