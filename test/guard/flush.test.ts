import { type NoParamCallback, readFileSync } from 'node:fs'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { createFileStore } from '../../src/state/file-store.ts'
import { refusal, temporaryDirectory } from '../snapshots/world.ts'
import { createLog, event } from './audit/log.ts'

/** A disk that takes what is written, and fails when it is told to keep it. */
const disk = vi.hoisted(() => ({ fails: false }))

vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>()
  const fsync = (fd: number, done: NoParamCallback) =>
    disk.fails ? done(Object.assign(new Error('EIO'), { code: 'EIO' })) : fs.fsync(fd, done)
  return { ...fs, fsync, default: { ...fs, fsync } }
})

beforeEach(() => {
  disk.fails = false
})

describe('what the disk cannot keep', () => {
  test('is no line of the audit log, and the next one finds its way', async () => {
    const { append, path, verify } = createLog()
    await append(1)
    disk.fails = true
    await refusal(append(1), 'INTERNAL')
    expect(readFileSync(path('head'), 'utf8')).toMatch(/^1 /)
    disk.fails = false
    await append(1)
    expect(await verify()).toMatchObject({ problems: [], notes: [] })
  })

  test('is no record: neither a plan nor the claim of one', async () => {
    const state = createFileStore({ directory: temporaryDirectory(), clock: () => 0 })
    await state.write('plan', 'p', 'issued', 0)
    disk.fails = true
    await refusal(state.write('plan', 'p', 'claimed', 1), 'INTERNAL')
    expect(await state.read('plan', 'p')).toEqual({ value: 'issued', version: 1 })
  })
})

test('a log on such a disk begins when the disk works again', async () => {
  const { audit, verify } = createLog()
  disk.fails = true
  await refusal(audit.append(event()), 'INTERNAL')
  disk.fails = false
  await audit.append(event())
  expect(await verify()).toMatchObject({ problems: [] })
})
