import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  linkSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import type { Recovered, RecoveryHands } from '../../../src/snapshots/interrupted.ts'
import type { RestoreRequest } from '../../../src/snapshots/provider.ts'
import { differences, type Picture, picture } from '../../support/oracle.ts'
import { remove } from '../../support/sandbox.ts'
import { bundleScript } from '../../support/script.ts'
import { context, type Workbench, workbench } from './support.ts'

/** A source in which a restore has every kind of step to take. */
export interface Interrupted {
  box: Workbench
  id: string
  /** As the snapshot has it, and as it was before the restore. */
  good: Picture
  bad: Picture
  /** Runs killed.ts. How many calls it made, when it was not killed before. */
  run(action: Action, when?: string): number | undefined
  /** Keeps everything as it is now: links, times and all. The result puts it back. */
  keep(): () => void
}

export type Action = 'recover' | (Partial<RestoreRequest> & { snapshot: string })

/** `prepare` adds to what is saved. */
export async function interruptible(prepare = (_box: Workbench) => {}): Promise<Interrupted> {
  const box = workbench()
  const aside = mkdtempSync(join(tmpdir(), 'snapshot-mcp-killed-'))
  onTestFinished(() => remove(aside))
  const killed = bundleScript('test/providers/local/killed.ts', aside)
  makeGood(box)
  prepare(box)
  const good = box.picture()
  const { id } = await box.save()
  const bad = makeBad(box)

  return {
    box,
    id,
    good,
    bad,
    run(action, when = 'Infinity') {
      const what = action === 'recover' ? action : JSON.stringify({ mode: 'in_place', count: 1, ...action })
      const child = spawnSync(process.execPath, [killed, box.home, box.root, what, when], {
        encoding: 'utf8',
      })
      if (child.signal === 'SIGKILL') return undefined
      if (child.status !== 0) throw new Error(child.stderr)
      return Number(child.stdout)
    },
    keep() {
      const copy = join(aside, 'kept')
      execFileSync('cp', ['-a', box.dir, copy])
      return () => {
        remove(box.dir)
        execFileSync('cp', ['-a', copy, box.dir])
      }
    },
  }
}

/** The same, with a restore that was killed. */
export async function killed(when: string, fields: Partial<RestoreRequest> = {}): Promise<Interrupted> {
  const subject = await interruptible()
  expect(subject.run({ snapshot: subject.id, ...fields }, when)).toBeUndefined()
  return subject
}

function makeGood(box: Workbench): void {
  for (const path of ['edited', 'kept', 'removed', 'retimed', 'dir/edited', 'dir/removed', 'gone/deep/file'])
    box.write(path, `saved ${path}`)
  box.write('modes', 'saved modes', 0o600)
  box.write('file-then-dir', 'saved')
  box.write('dir-then-file/a/b', 'saved')
  box.write('pair', 'saved pair')
  linkSync(box.at('pair'), box.at('dir/pair'))
  symlinkSync('kept', box.at('link'))
  box.write('closed/edited', 'saved')
  chmodSync(box.at('closed'), 0o555)
}

function makeBad(box: Workbench): Picture {
  for (const path of ['removed', 'dir/removed', 'file-then-dir', 'pair', 'link']) unlinkSync(box.at(path))
  for (const path of ['gone', 'dir-then-file']) rmSync(box.at(path), { recursive: true })
  for (const path of ['edited', 'dir/edited', 'new', 'dir/new', 'newdir/a', 'newdir/b/c', 'file-then-dir/x'])
    box.write(path, `broken ${path}`)
  box.write('pair', 'no longer one of a pair')
  box.write('dir-then-file', 'broken')
  box.write('link', 'now a file')
  utimesSync(box.at('retimed'), 1e9, 1e9)
  chmodSync(box.at('modes'), 0o644)
  chmodSync(box.at('closed'), 0o755)
  box.write('closed/edited', 'broken')
  chmodSync(box.at('closed'), 0o555)
  for (const path of ['dir', 'closed', '']) utimesSync(box.at(path), 1.1e9, 1.1e9)
  return box.picture()
}

export const unlocked: RecoveryHands['hold'] = async () => ({ async stillHeld() {}, async release() {} })

/** Has a new provider take up what was left, as after a restart. */
export async function recover({ open }: Workbench, hold = unlocked): Promise<Recovered[]> {
  const settled: Recovered[] = []
  const provider = open()
  await provider.recover?.({ hold, settle: async (each) => void settled.push(each) }, context())
  await provider.close?.()
  return settled
}

/** Something is wrong with this server: it cannot take up what was left, and goes on without. */
export async function failToRecover({ provider }: Workbench): Promise<void> {
  const fail = async () => {
    throw new Error('the lock is on fire')
  }
  await provider.recover?.({ hold: fail, settle: fail }, context())
}

export const outcomes = (settled: Recovered[]) => settled.map(({ outcome }) => outcome)

export const journalsOf = ({ home }: Workbench) =>
  readdirSync(join(home, 'store/journal')).map((name) => join(home, 'store/journal', name))

export const leftoversIn = ({ dir }: Workbench) =>
  [...picture(dir).keys()].filter((path) => path.includes('.snapshot-mcp-'))

/** No trace of the restore is left, and it can be done and undone as if nothing had happened. */
export async function expectClean({ box, id, good }: Interrupted): Promise<void> {
  expect(leftoversIn(box)).toEqual([])
  expect(journalsOf(box)).toEqual([])
  const now = box.picture()
  const { safety_snapshot } = await box.restore(id)
  expect(differences(good, box.picture())).toEqual([])
  if (safety_snapshot === undefined) return
  await box.restore(safety_snapshot)
  expect(differences(now, box.picture())).toEqual([])
}

/** One that was killed while it made its journal: nobody waits for its first line any more. */
export function ageUnbegun(box: Workbench): void {
  for (const path of journalsOf(box)) if (readFileSync(path).length === 0) utimesSync(path, 1e9, 1e9)
}
