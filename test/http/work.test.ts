import { expect, test, vi } from 'vitest'
import { createWork } from '../../src/http/work.ts'
import type { Caller } from '../../src/snapshots/caller.ts'
import { SnapshotError } from '../../src/snapshots/errors.ts'
import type { Service } from '../../src/snapshots/service-api.ts'
import { fakeService } from '../mcp/support/fake-service.ts'

const caller = (principal: string): Caller => ({
  principal,
  signal: new AbortController().signal,
  progress: () => {},
  canAsk: false,
})

/** A service whose calls end when they are told to. */
function working() {
  const ends: (() => void)[] = []
  const held = () => new Promise<never>((resolve) => ends.push(resolve as () => void))
  const refused = vi.fn()
  const service = fakeService({ delete: held, undo: held, diff: held, list: held, status: held })
  const work = createWork(refused)
  return { service, work, refused, limited: work.limited(service), end: () => ends.shift()?.() }
}

const outcome = (call: Promise<unknown>) =>
  Promise.race([
    call.then(
      () => 'done',
      (error: SnapshotError) => error.code,
    ),
    new Promise((resolve) => setTimeout(resolve, 1)).then(() => 'running'),
  ])

const removal = (provider: string, call = 1) => ({
  snapshots: [`${provider}:${call}`],
  dry_run: false,
})

const deleting = (service: Service, principal: string, provider = 'morph') =>
  outcome(service.delete(removal(provider), caller(principal)))

async function times<T>(count: number, work: () => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, work))
}

test('a caller has half of what may change something at a provider at once, and all callers the whole', async () => {
  const { limited, refused, end } = working()
  expect(await times(8, () => deleting(limited, 'alice'))).toEqual(Array(8).fill('running'))
  expect(await deleting(limited, 'alice')).toBe('RATE_LIMITED')
  expect(await times(8, () => deleting(limited, 'bob'))).toEqual(Array(8).fill('running'))
  expect(await deleting(limited, 'carol')).toBe('RATE_LIMITED')
  expect(refused).toHaveBeenCalledTimes(2)
  end()
  await vi.waitFor(async () => expect(await deleting(limited, 'carol')).toBe('running'))
  expect(await deleting(limited, 'carol')).toBe('RATE_LIMITED')
})

test('what is over it was not started, never reaches the service and says when to come again', async () => {
  const { limited, service } = working()
  await times(8, () => deleting(limited, 'alice'))
  const before = service.calls.length
  const error = await limited.delete(removal('morph'), caller('alice')).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(SnapshotError)
  expect((error as SnapshotError).problem).toMatchObject({
    code: 'RATE_LIMITED',
    outcome: 'not_started',
    retryable: true,
    retry_after_ms: 2000,
  })
  expect(service.calls).toHaveLength(before)
})

test('each provider is for itself, and reading goes on where no change may begin', async () => {
  const { limited } = working()
  for (const who of ['alice', 'bob']) await times(8, () => deleting(limited, who))
  expect(await deleting(limited, 'carol', 'daytona')).toBe('running')
  const diff = () =>
    outcome(limited.diff({ from: 'morph:1', to: 'current', limit: 1, content: false }, caller('carol')))
  expect(await times(32, diff)).toEqual(Array(32).fill('running'))
  expect(await diff()).toBe('RATE_LIMITED')
})

test('calls that name no provider are counted together', async () => {
  const { limited } = working()
  const undo = () => outcome(limited.undo({ operation: 'op_00000001', dry_run: false }, caller('alice')))
  const list = (provider?: string) =>
    outcome(
      limited.list(
        { include_auto: false, include_trashed: false, limit: 1, ...(provider && { provider }) },
        caller('alice'),
      ),
    )
  expect(await times(8, undo)).toEqual(Array(8).fill('running'))
  expect(await undo()).toBe('RATE_LIMITED')
  await times(32, () => list())
  expect(await list()).toBe('RATE_LIMITED')
  expect(await list('morph')).toBe('running')
})

test('two tenants share nothing: whoever fills one up leaves the other all that it may have', async () => {
  const { work, limited } = working()
  const other = work.limited(fakeService({ delete: () => new Promise(() => {}) }))
  for (const who of ['alice', 'bob']) await times(8, () => deleting(limited, who))
  expect(await deleting(limited, 'carol')).toBe('RATE_LIMITED')
  expect(await times(8, () => deleting(other, 'alice'))).toEqual(Array(8).fill('running'))
  expect(await deleting(other, 'alice')).toBe('RATE_LIMITED')
  expect(await times(8, () => deleting(other, 'carol'))).toEqual(Array(8).fill('running'))
})

test('a call that fails gives its place back, and asking for the limits again changes nothing', async () => {
  const { work, service, limited } = working()
  expect(work.limited(service)).toBe(limited)
  const failing = work.limited(
    fakeService({
      create: async () => {
        throw new Error('a defect')
      },
    }),
  )
  for (let count = 0; count < 20; count++)
    await expect(failing.create({ wait_seconds: 0 }, caller('alice'))).rejects.toThrow('a defect')
})
