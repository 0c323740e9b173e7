import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createLeases } from '../../../../src/providers/local/store/leases.ts'
import { type Runner, thisRunner } from '../../../../src/state/runner.ts'
import { refusal, temporaryDirectory } from '../../../snapshots/world.ts'
import { intercept, systemFault } from '../faults.ts'
import { context, shelf, workbench } from '../support.ts'

const { signal } = new AbortController()
const NAME = `exclusive-${'0'.repeat(24)}`

/** Leases of two processes, as far as they can tell. */
function pair(options: { waitMs?: number; beatMs?: number } = {}) {
  const directory = temporaryDirectory()
  return {
    directory,
    ours: createLeases(directory, options),
    theirs: createLeases(directory, options),
    /** A lease of a process of our choice. */
    leave: (runner: Partial<Runner>, name = NAME) =>
      writeFileSync(join(directory, name), JSON.stringify({ ...thisRunner(), ...runner })),
  }
}

/** The pid of a process that has ended. */
async function endedPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', ''])
  await once(child, 'exit')
  return child.pid as number
}

describe('who may have the store', () => {
  test('creates share it, gc has it alone', async () => {
    const { ours, theirs, directory } = pair()
    const first = await ours.share(signal)
    const second = await theirs.share(signal)
    expect(ours.exclude()).toBeUndefined()
    first.release()
    expect(ours.exclude()).toBeUndefined()
    second.release()
    const turn = ours.exclude()
    expect(turn).toBeDefined()
    expect(theirs.exclude()).toBeUndefined()
    turn?.release()
    expect(readdirSync(directory)).toEqual([])
  })

  test('a create waits for the end of a turn, and gc sees it waiting', async () => {
    const { ours, theirs } = pair()
    const turn = theirs.exclude()
    let shared = false
    const share = ours.share(signal).then((lease) => {
      shared = true
      return lease
    })
    await sleep(60)
    expect(shared).toBe(false)
    expect(turn?.wanted()).toBe(true)
    turn?.release()
    const lease = await share
    // Whoever waited comes before the next turn.
    expect(theirs.exclude()).toBeUndefined()
    lease.release()
  })

  test('a turn that does not end is BUSY, and the one who waited leaves nothing behind', async () => {
    const { ours, theirs, directory } = pair({ waitMs: 50 })
    theirs.exclude()
    const problem = await refusal(ours.share(signal), 'BUSY')
    expect(problem).toMatchObject({ retryable: true, retry_after_ms: 5000, outcome: 'not_started' })
    expect(readdirSync(directory)).toHaveLength(1)
  })

  test('who cancels waits no longer', async () => {
    const { ours, theirs } = pair()
    theirs.exclude()
    const cancel = new AbortController()
    const share = refusal(ours.share(cancel.signal), 'CANCELLED')
    cancel.abort()
    await share
  })
})

describe('the dead', () => {
  test('block nobody, whether they shared the store or had it alone', async () => {
    const { ours, directory, leave } = pair()
    const pid = await endedPid()
    leave({ pid })
    leave({ pid }, `shared-${'0'.repeat(24)}`)
    ;(await ours.share(signal)).release()
    const turn = ours.exclude()
    expect(turn).toBeDefined()
    expect(readdirSync(directory)).toHaveLength(1)
  })

  test('are known by the time their process began', () => {
    const { ours, leave } = pair()
    leave({ start_time: '1' })
    expect(ours.exclude()).toBeDefined()
  })

  // Without an id of the machine it may be another machine's boot.
  test.runIf(/ [0-9a-f]{16}$/.test(thisRunner().host))('are known by the boot', () => {
    const { ours, leave } = pair()
    leave({ boot_id: 'another' })
    expect(ours.exclude()).toBeDefined()
  })

  test('a torn lease is one of before a power cut', () => {
    const { ours, directory } = pair()
    writeFileSync(join(directory, NAME), '')
    expect(ours.exclude()).toBeDefined()
  })

  test('of another container are known by their silence', () => {
    const { ours, directory, leave } = pair()
    leave({ host: 'another' })
    expect(ours.exclude()).toBeUndefined()
    const aMinuteAgo = Date.now() / 1000 - 61
    utimesSync(join(directory, NAME), aMinuteAgo, aMinuteAgo)
    expect(ours.exclude()).toBeDefined()
  })

  test('of another user, whose lease cannot be read, are known by their silence too', () => {
    const { ours, directory, leave } = pair()
    leave({})
    intercept('openSync', (path) => {
      if (path.endsWith(NAME)) throw systemFault('EACCES')
    })
    expect(ours.exclude()).toBeUndefined()
    const aMinuteAgo = Date.now() / 1000 - 61
    utimesSync(join(directory, NAME), aMinuteAgo, aMinuteAgo)
    expect(ours.exclude()).toBeDefined()
  })

  test('are no more than that: the living give signs of life', async () => {
    const { ours, directory } = pair({ beatMs: 5 })
    const lease = await ours.share(signal)
    const path = join(directory, (readdirSync(directory) as [string])[0])
    const longAgo = Date.now() / 1000 - 3600
    utimesSync(path, longAgo, longAgo)
    await expect.poll(() => statSync(path).mtimeMs).toBeGreaterThan(Date.now() - 60_000)
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(thisRunner())
    lease.release()
  })
})

describe('a lease that was lost', () => {
  test('is told, and not made again by a sign of life', async () => {
    const { ours, directory } = pair({ beatMs: 5 })
    const lease = await ours.share(signal)
    lease.check()
    for (const name of readdirSync(directory)) rmSync(join(directory, name))
    await sleep(30)
    expect(readdirSync(directory)).toEqual([])
    expect(() => lease.check()).toThrow(/stood still/)
  })

  test('is not written to where somebody put a link in its place', async () => {
    const { ours, directory } = pair({ beatMs: 5 })
    const lease = await ours.share(signal)
    onTestFinished(() => lease.release())
    const victim = join(temporaryDirectory(), 'victim')
    writeFileSync(victim, 'of somebody')
    const [name] = readdirSync(directory) as [string]
    rmSync(join(directory, name))
    symlinkSync(victim, join(directory, name))
    await sleep(30)
    expect(readFileSync(victim, 'utf8')).toBe('of somebody')
  })

  test('makes a create fail, to be tried again, and no snapshot', async () => {
    const box = workbench()
    for (let n = 0; n < 2000; n++) box.write(`file-${n}`, `text ${n}`)
    const leases = join(box.home, 'store/leases')
    let taken = 0
    const progress = () => {
      for (const name of readdirSync(leases)) {
        taken++
        rmSync(join(leases, name))
      }
    }
    const source = { kind: 'path', id: box.root, name: 'root' }
    const request = { source, name: 'saved', labels: {}, auto: false, protected: false }
    const problem = await refusal(box.provider.create(request, context({ progress })), 'BUSY')
    expect(taken).toBe(1)
    expect(problem.retryable).toBe(true)
    expect(await shelf(box)).toEqual([])
    await box.save()
  })

  test('between the check and the manifest takes the snapshot back', async () => {
    const box = workbench()
    const leases = join(box.home, 'store/leases')
    const details = join(box.home, 'store/details')
    box.write('file', 'text')
    const { id } = await box.save()
    let taken = 0
    intercept('renameSync', (path) => {
      if (!path.startsWith(join(box.home, 'store/snapshots'))) return
      for (const name of readdirSync(leases)) {
        taken++
        rmSync(join(leases, name))
      }
    })
    await refusal(box.save(), 'BUSY')
    expect(taken).toBe(1)
    expect(readdirSync(details)).toEqual([`${id}.json`])
    expect(await shelf(box)).toEqual([id])
  })
})

describe('a disk without room for a lease', () => {
  const fullDisk = () => {
    const directory = temporaryDirectory()
    let room = false
    intercept('writeFileSync', (path) => {
      if (!room && path.startsWith(directory)) throw systemFault('ENOSPC')
    })
    const makeRoom = () => {
      room = true
    }
    return { directory, makeRoom }
  }

  test('is relieved of what may go at any time, so that gc can begin', () => {
    const { directory, makeRoom } = fullDisk()
    const turn = createLeases(directory, { makeRoom }).exclude()
    expect(readdirSync(directory)).toHaveLength(1)
    turn?.release()
  })

  test('keeps no draft of it', async () => {
    const { directory } = fullDisk()
    await expect(async () => createLeases(directory).exclude()).rejects.toThrow('ENOSPC')
    await expect(createLeases(directory).share(signal)).rejects.toThrow('ENOSPC')
    expect(readdirSync(directory)).toEqual([])
  })
})

test('a lease names its process and is readable by its owner only', async () => {
  const { ours, directory } = pair()
  const lease = await ours.share(signal)
  onTestFinished(() => lease.release())
  const [name] = readdirSync(directory) as [string]
  expect(name).toMatch(/^shared-[0-9a-f]{24}$/)
  expect(JSON.parse(readFileSync(join(directory, name), 'utf8'))).toEqual(thisRunner())
})
