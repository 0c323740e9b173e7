import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { thisRunner } from '../../../src/state/runner.ts'
import { differences, picture } from '../../support/oracle.ts'
import { remove } from '../../support/sandbox.ts'
import {
  type Action,
  ageUnbegun,
  expectClean,
  failToRecover,
  type Interrupted,
  interruptible,
  journalsOf,
  killed,
  leftoversIn,
  outcomes,
  recover,
  unlocked,
} from './interrupted.ts'
import { context } from './support.ts'

/** Kills at one call after the other until it is not reached any more. Returns what was seen. */
async function sweep(
  subject: Interrupted,
  action: Action,
  { phase = '', stride = 1 }: { phase?: string; stride?: number },
  check: (outcome: string, at: number) => unknown,
): Promise<string[]> {
  const back = subject.keep()
  const seen = new Set<string>()
  for (let at = 1; ; at += stride) {
    back()
    if (subject.run(action, `${phase}${at}`) !== undefined) return [...seen].sort()
    ageUnbegun(subject.box)
    const outcome = outcomes(await recover(subject.box)).join() || 'nothing to do'
    seen.add(outcome)
    await check(outcome, at)
  }
}

/** The source is as it was or as it shall be, and which of them is what was told. */
function expectWhole({ box, good, bad }: Interrupted, outcome: string, at: number): void {
  const now = box.picture()
  const isGood = differences(good, now).length === 0
  if (outcome === 'nothing to do' && isGood) return
  expect([at, outcome, differences(outcome === 'finished' ? good : bad, now)]).toEqual([at, outcome, []])
}

describe('a restore in place that is killed', () => {
  test('is rolled back or finished, wherever that was', async () => {
    const subject = await interruptible()
    const seen = await sweep(subject, { snapshot: subject.id }, { stride: 5 }, async (outcome, at) => {
      expectWhole(subject, outcome, at)
      if (at % 20 === 1) await expectClean(subject)
    })
    expect(seen).toEqual(['finished', 'nothing to do', 'rolled_back'])
  }, 120_000)

  test('is finished, at whichever call that changes the source', async () => {
    const subject = await interruptible()
    const seen = await sweep(
      subject,
      { snapshot: subject.id },
      { phase: 'committing+' },
      async (outcome, at) => {
        expectWhole(subject, outcome, at)
        if (at % 10 === 0) await expectClean(subject)
      },
    )
    // The first call is the one that makes the announcement durable; after the last ones nothing is left to do.
    expect(seen).toEqual(['finished', 'nothing to do'])
  }, 240_000)

  test.each([
    ['staging+20', 'rolled_back'],
    ['committing+12', 'finished'],
    ['committing+30', 'finished'],
  ])(
    'and whose recovery is killed as well (%s)',
    async (when, expected) => {
      const subject = await killed(when)
      const seen = await sweep(subject, 'recover', { stride: 4 }, (outcome, at) => {
        expectWhole(subject, outcome, at)
        expect(leftoversIn(subject.box)).toEqual([])
      })
      expect(seen.filter((outcome) => outcome !== 'nothing to do')).toEqual([expected])
      await expectClean(subject)
    },
    120_000,
  )

  test('of a source that was gone, takes the directory away again', async () => {
    const subject = await interruptible()
    const { box, id, good } = subject
    remove(box.root)
    const seen = await sweep(subject, { snapshot: id }, { stride: 11 }, (outcome, at) => {
      const isThere = existsSync(box.root)
      expect([at, outcome, isThere]).toEqual([at, outcome, outcome === 'finished'])
      if (isThere) expect(differences(good, box.picture())).toEqual([])
    })
    expect(seen).toContain('rolled_back')
    expect(seen).toContain('finished')
  }, 120_000)

  test('tells as whose outcome it ended and how it left the source', async () => {
    const { box, id } = await killed('committing+12')
    const [settled, ...others] = await recover(box)
    expect(others).toEqual([])
    expect(settled).toMatchObject({ operation: expect.stringMatching(/^op_killed\d+$/), outcome: 'finished' })
    expect(settled?.fingerprint).toBe((await box.plan(id)).fingerprint)
  })

  test('with the last line of its journal torn, had not begun to change anything', async () => {
    const subject = await killed('staging+20')
    const [journal] = journalsOf(subject.box)
    writeFileSync(journal!, '{"phase":"commi', { flag: 'a' })
    expect(outcomes(await recover(subject.box))).toEqual(['rolled_back'])
    expectWhole(subject, 'rolled_back', 20)
  })
})

describe('what somebody does after a restore was killed', () => {
  const HALF_WAY = 'committing+30'

  test.each<[string, string, (box: Interrupted['box']) => void]>([
    ['an edit', 'kept', ({ write }) => write('kept', 'theirs')],
    ['an edit of what was to be replaced', 'retimed', ({ write }) => write('retimed', 'theirs')],
    ['a new file', 'theirs', ({ write }) => write('theirs', 'theirs')],
    ['a new file in a directory that was to go', 'newdir/theirs', ({ write }) => write('newdir/theirs', 'x')],
    ['a new file in a directory that was made', 'gone/theirs', ({ write }) => write('gone/theirs', 'theirs')],
    ['a removal', 'kept', ({ at }) => unlinkSync(at('kept'))],
    ['a mode', 'kept', ({ at }) => chmodSync(at('kept'), 0o751)],
    ['the mode of a directory', 'dir', ({ at }) => chmodSync(at('dir'), 0o750)],
    ['the mode of the source', '', ({ root }) => chmodSync(root, 0o711)],
  ])('%s stays, and so does all else', async (_what, path, happen) => {
    const subject = await killed(HALF_WAY)
    const { box } = subject
    happen(box)
    const half = box.picture()
    expect(outcomes(await recover(box))).toEqual(['left'])
    const now = box.picture()
    const isTemporary = (each: string) => each.includes('.snapshot-mcp-')
    expect(
      differences(half, now, { except: (each) => isTemporary(each) || half.get(each)?.type === 'directory' }),
    ).toEqual([])
    expect(now.get(path)).toEqual(
      half.get(path) && { ...half.get(path), ...(path === '' && { mtimeNs: now.get('')?.mtimeNs }) },
    )
    await expectClean(subject)
  })

  test('before it changed anything: an edit stays, and nothing else is to be seen', async () => {
    const subject = await killed('staging+25')
    const { box, bad } = subject
    box.write('edited', 'theirs')
    box.write('dir/theirs', 'theirs')
    expect(outcomes(await recover(box))).toEqual(['rolled_back'])
    const theirs = ['edited', 'dir', 'dir/theirs']
    expect(differences(bad, box.picture(), { except: (path) => theirs.includes(path) })).toEqual([])
    expect([box.read('edited'), box.read('dir/theirs')]).toEqual(['theirs', 'theirs'])
    // Its time tells when they made something in it.
    expect(box.picture().get('dir')?.mtimeNs).toBeGreaterThan(bad.get('dir')?.mtimeNs as bigint)
    await expectClean(subject)
  })

  test('an edit of what the restore was not about stays, and the restore is finished', async () => {
    const { box, good } = await killed('committing+5', { paths: ['dir', 'pair'] })
    box.write('edited', 'theirs')
    expect(outcomes(await recover(box))).toEqual(['finished'])
    expect(box.read('edited')).toBe('theirs')
    const restored = (path: string) => /^(dir|pair)($|\/)/.test(path)
    expect(differences(good, box.picture(), { except: (path) => !restored(path) })).toEqual([])
  })

  test('a file where something was that cannot be captured stays, and so does all else', async () => {
    const subject = await interruptible(({ write }) => write('pipe', 'saved'))
    const { box, id } = subject
    unlinkSync(box.at('pipe'))
    execFileSync('mkfifo', [box.at('pipe')])
    expect(subject.run({ snapshot: id }, HALF_WAY)).toBeUndefined()
    unlinkSync(box.at('pipe'))
    box.write('pipe', 'theirs')
    expect(outcomes(await recover(box))).toEqual(['left'])
    expect(box.read('pipe')).toBe('theirs')
  })

  test('the source is moved away: nothing is made in its place', async () => {
    const { box } = await killed(HALF_WAY)
    renameSync(box.root, join(box.dir, 'moved'))
    expect(outcomes(await recover(box))).toEqual(['left'])
    expect(existsSync(box.root)).toBe(false)
    expect(journalsOf(box)).toEqual([])
  })

  test('another restore, by a server that took nothing up: it is not overridden later', async () => {
    const { box, bad } = await killed(HALF_WAY)
    await failToRecover(box)
    const { items } = await box.provider.list(
      { include_auto: true, include_trashed: false, limit: 10 },
      context(),
    )
    await box.restore(items.find(({ auto }) => auto)!.id.slice('local:'.length))
    const ours = (path: string) => !path.includes('.snapshot-mcp-') && path !== ''
    expect(differences(bad, box.picture(), { except: (path) => !ours(path) })).toEqual([])
    expect(outcomes(await recover(box))).toEqual(['left'])
    expect(differences(bad, box.picture(), { except: (path) => path === '' })).toEqual([])
  })

  test('another restore, where this one had not begun to change anything: its directories stay as well', async () => {
    const { box, id, good } = await killed('staging+30')
    await failToRecover(box)
    await box.restore(id)
    expect(differences(good, box.picture())).toEqual([])
    expect(outcomes(await recover(box))).toEqual(['rolled_back'])
    expect(differences(good, box.picture())).toEqual([])
  })
})

describe('what is not touched', () => {
  test('names that only look like temporary ones', async () => {
    const { box } = await killed('committing+12')
    const [ours] = leftoversIn(box)
    const stem = /\.snapshot-mcp-[0-9a-f]+-/.exec(ours!)![0]
    const alike = ['.snapshot-mcp-0123456789abcdef-0', `${stem}0x`, `${stem}`, `x${stem}0`, `${stem}l2`]
    for (const name of alike) box.write(name, 'theirs')
    await recover(box)
    for (const name of alike) expect(box.read(name)).toBe('theirs')
    expect(leftoversIn(box).sort()).toEqual(alike.map((name) => `root/${name}`).sort())
  })

  test('what somebody took the lock over from who was taking it up', async () => {
    const { box } = await killed('committing+12')
    const ours = (path: string) => path !== '' && !path.includes('.snapshot-mcp-')
    const half = box.picture()
    const lost = async () => ({
      async release() {},
      async stillHeld() {
        throw new Error('taken over')
      },
    })
    expect(await recover(box, lost)).toEqual([])
    expect(differences(half, box.picture(), { except: (path) => !ours(path) })).toEqual([])
    expect(journalsOf(box)).toHaveLength(1)
    expect(outcomes(await recover(box))).toEqual(['finished'])
  })

  test('a restore that is still running, or may be', async () => {
    const { box } = await killed('committing+12')
    const half = box.picture()
    const [journal] = journalsOf(box) as [string]
    const [first = '', ...rest] = readFileSync(journal, 'utf8').split('\n')
    const runBy = (runner: object) =>
      writeFileSync(journal, [JSON.stringify({ ...JSON.parse(first), runner }), ...rest].join('\n'))

    runBy(thisRunner())
    expect(await recover(box)).toEqual([])
    // Whether this one lives, its lock tells.
    runBy({ pid: 1, host: 'another machine' })
    expect(await recover(box, async () => undefined)).toEqual([])
    expect(differences(half, box.picture())).toEqual([])
    expect(outcomes(await recover(box))).toEqual(['finished'])
  })

  test('a source on which somebody else is at work, until they are done', async () => {
    const subject = await killed('committing+12')
    const half = subject.box.picture()
    expect(await recover(subject.box, async () => undefined)).toEqual([])
    expect(differences(half, subject.box.picture())).toEqual([])
    expect(outcomes(await recover(subject.box))).toEqual(['finished'])
  })

  test('a source outside of the roots of this server', async () => {
    const { box } = await killed('committing+12')
    const half = box.picture()
    const other = box.open({ roots: [box.home] })
    const asked: string[] = []
    const hands = {
      hold: async ({ id }: { id: string }) => void asked.push(id),
      settle: async ({ operation }: { operation: string }) => void asked.push(operation),
    }
    await other.recover?.(hands, context())
    expect(asked).toEqual([])
    expect(differences(half, box.picture())).toEqual([])
    expect(journalsOf(box)).toHaveLength(1)
    expect(outcomes(await recover(box))).toEqual(['finished'])
  })

  test('anything, for a journal that makes no sense or means harm', async () => {
    const { box, id, good } = await interruptible()
    const safety = (await box.save()).id
    const elsewhere = (await box.save({ from: box.home })).id
    const base64 = (path: string) => Buffer.from(path).toString('base64')
    const intent = {
      format: 1,
      operation: 'op_0123456789',
      mode: 'in_place',
      snapshot: id,
      root: base64(box.root),
      made: 0,
      runner: { ...thisRunner(), pid: 2 ** 30 },
      created_at: new Date().toISOString(),
    }
    const staging = { phase: 'staging', safety }
    const committing = { phase: 'committing' }
    const harmless = [intent, staging, committing]
    const harmful = [
      [],
      ['garbage'],
      [{}],
      [{ ...intent, format: 2 }, staging, committing],
      [{ ...intent, root: base64('/') }, staging, committing],
      [{ ...intent, root: base64('/etc') }, staging, committing],
      [{ ...intent, root: base64(`${box.dir}/..`) }, staging, committing],
      [{ ...intent, root: base64(`${box.root}/../home`) }, staging, committing],
      [{ ...intent, root: base64(box.home) }, staging, committing],
      [{ ...intent, root: base64(`${box.root}\0`) }, staging, committing],
      [{ ...intent, snapshot: elsewhere }, staging, committing],
      [{ ...intent, snapshot: '../../../etc/passwd' }, staging, committing],
      [{ ...intent, paths: ['../../home'] }, staging, committing],
      [{ ...intent, paths: [{ bytes: base64('..') }] }, staging, committing],
      [{ ...intent, temporary: '' }, staging, committing],
      [{ ...intent, made: -1 }],
      [{ ...intent, mode: 'new', made: undefined, copies: [base64('../home')] }, { phase: 'staging' }],
      [intent, { phase: 'staging', safety: elsewhere }, committing],
      [intent, { phase: 'staging', safety: '../snapshots' }, committing],
      [intent, { phase: 'done' }],
      [...harmless, 'garbage'],
    ]
    const put = (lines: readonly unknown[], n: number) => {
      const text = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n')
      const path = join(box.home, 'store/journal', `${n.toString(16).padStart(16, '0')}.jsonl`)
      writeFileSync(path, `${text}\n`)
    }
    const before = picture(box.dir)
    harmful.forEach(put)
    const settled: unknown[] = []
    const settle = async (each: unknown) => void settled.push(each)
    await box.provider.recover?.({ hold: unlocked, settle }, context())
    expect(settled).toEqual([])
    const ours = (path: string) => /^home\/store\/(journal|cache)/.test(path)
    expect(differences(before, picture(box.dir), { except: ours })).toEqual([])
    expect(journalsOf(box)).toHaveLength(harmful.length)

    // They keep nobody from working, nor the journal beside them from being taken up.
    await box.save()
    put(harmless, harmful.length)
    expect(outcomes(await recover(box))).toEqual(['finished'])
    expect(differences(good, box.picture())).toEqual([])
  })
})

describe('copies whose making is killed', () => {
  test('are whole or not there', async () => {
    const subject = await interruptible()
    const { box, id, good } = subject
    remove(box.root)
    const copies = { snapshot: id, mode: 'new', to: join(box.dir, 'copy'), count: 2 } as const
    const seen = await sweep(subject, copies, { stride: 7 }, (outcome, at) => {
      const made = ['copy-1', 'copy-2'].filter((name) => existsSync(join(box.dir, name)))
      for (const name of made) expect([at, differences(good, picture(join(box.dir, name)))]).toEqual([at, []])
      const told = { rolled_back: [0], left: [1], finished: [2], 'nothing to do': [0, 2] }[outcome]
      expect(told).toContain(made.length)
      expect(leftoversIn(box)).toEqual([])
      expect(journalsOf(box)).toEqual([])
    })
    expect(seen).toContain('rolled_back')
    expect(seen).toContain('left')
  }, 120_000)
})
