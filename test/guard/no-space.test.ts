import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { newestEntries } from '../../src/guard/audit/newest.ts'
import { shortWrites } from '../providers/local/faults.ts'
import { args, refusal } from '../snapshots/world.ts'
import { tryMount } from '../support/mounts.ts'
import { differences, picture } from '../support/oracle.ts'
import { remove } from '../support/sandbox.ts'
import { content } from '../support/trees.ts'
import { assemble, CALLER, call, confirmed, placesIn } from './assembled.ts'

const MB = 1_000_000

/** A disk for the store alone: state and audit log lie on another one. */
interface Disk {
  fill(): void
  free(): void
}

/** Takes no more bytes; needs nobody's leave. */
async function fakeDisk(): Promise<Disk> {
  let isFull = false
  await shortWrites((length) => (isFull ? 0 : length))
  return {
    fill() {
      isFull = true
    },
    free() {
      isFull = false
    },
  }
}

/** Or why there is none. */
function realDisk(dir: string): Disk | string {
  const home = join(dir, 'home')
  const problem = tryMount(home, '-t', 'tmpfs', '-o', 'size=80m', 'tmpfs')
  if (problem !== undefined) return problem
  const ballast = join(home, 'ballast')
  return { fill: () => writeFileSync(ballast, content(20 * MB, 9)), free: () => rmSync(ballast) }
}

test.for(['takes nothing any more', 'is really full'])(
  'a safety snapshot for which there is no room, on a disk that %s: the target is untouched, and the plan is used up (G33)',
  async (how, { skip }) => {
    const dir = realpathSync(mkdtempSync(join(tmpdir(), 'snapshot-mcp-no-space-')))
    onTestFinished(() => remove(dir))
    const disk = how === 'is really full' ? realDisk(dir) : await fakeDisk()
    if (typeof disk === 'string') return skip(disk)
    const { root, audit } = placesIn(dir)
    mkdirSync(root)
    writeFileSync(join(root, 'file'), 'saved')
    const good = picture(root)
    const server = assemble(dir)
    const { service, state } = server
    onTestFinished(() => service.close())
    const { snapshot } = await service.create(args.create(), CALLER)
    writeFileSync(join(root, 'file'), content(MB, 1))
    writeFileSync(join(root, 'new'), 'not saved yet')
    const bad = picture(root)

    const { confirmation } = await call(server, 'restore', { snapshot: snapshot.id })
    const restoring = { snapshot: snapshot.id, confirmation }
    disk.fill()
    const problem = await refusal(call(server, 'restore', restoring), 'SAFETY_SNAPSHOT_FAILED')
    expect(problem.outcome).toBe('not_started')
    expect(differences(bad, picture(root))).toEqual([])

    const { operation } = problem
    expect((await state.read('plan', confirmation as string))?.value).toMatchObject({
      status: 'failed',
      operation,
    })
    const { entries } = await newestEntries(audit, 2)
    expect(entries.map(({ entry }) => entry)).toMatchObject([
      { event: 'allowed', operation },
      { event: 'ended', operation, outcome: 'failed' },
    ])
    const repeat = await refusal(call(server, 'restore', restoring), 'PLAN_CONSUMED')
    expect(repeat).toMatchObject({ operation, details: { outcome: 'failed' } })
    const { operations, undoable } = await service.status(args.status(), CALLER)
    expect(operations[0]).toMatchObject({ operation, state: 'failed' })
    expect(undoable).toEqual([])
    await refusal(call(server, 'undo', { operation }), 'CONFLICT')

    disk.free()
    await confirmed(server, 'restore', { snapshot: snapshot.id })
    expect(differences(good, picture(root))).toEqual([])
  },
)
