import { describe, expect, test } from 'vitest'
import type { CreateRequest } from '../../../src/snapshots/provider.ts'
import { freePort, startPrism } from '../../emulators/prism.ts'
import { withVendor } from '../../emulators/vendor.ts'
import { image, native, type World, world } from './world.ts'

const BRANCH = 'POST /instance/*/branch'

const wish = ({ source }: World, fields: Partial<CreateRequest> = {}): CreateRequest => ({
  ...{ source, name: 'fork', labels: {}, auto: false, protected: false },
  options: { branch: 3 },
  ...fields,
})

const branch = (its: World, fields: Partial<CreateRequest> = {}, ctx = its.context()) =>
  its.provider.create(wish(its, fields), ctx)

const ids = (things: readonly { id: string }[] | undefined) => things?.map(({ id }) => id)

describe('a branch', () => {
  test('leaves a snapshot and copies that run, all of them marked, by one request', async () => {
    const its = await world()
    const ctx = its.context()
    const { snapshot, targets, warnings } = await branch(its, { labels: { team: 'blue' } }, ctx)
    expect(snapshot).toMatchObject({
      state: 'ready',
      name: 'fork',
      labels: { team: 'blue' },
      source: its.source,
    })
    expect(ids(its.shelf())).toEqual([native(snapshot)])
    expect(its.shelf()[0]).toMatchObject({ digest: `snapshot-mcp-${ctx.operation}`, ttlSeconds: null })
    const made = ['fork 1', 'fork 2', 'fork 3']
    expect(targets).toEqual(its.copies().map(({ id }, n) => ({ kind: 'instance', id, name: made[n] })))
    expect(its.copies()).toMatchObject(
      made.map((name, n) => ({
        status: 'ready',
        snapshotId: native(snapshot),
        content: { memory: 'at work' },
        metadata: { name, snapshot_mcp_operation: ctx.operation, snapshot_mcp_copy: String(n + 1) },
      })),
    )
    expect(warnings).toEqual([expect.stringContaining('cost until somebody stops them')])
    expect([its.asked(BRANCH), its.asked('POST /instance/*/snapshot')]).toEqual([1, 0])
    expect(ctx.told).toEqual([...new Set(ctx.told)].sort((a, b) => a - b))
  })

  test('gets its expiry afterwards, and says so when it did not', async () => {
    const its = await world()
    const expires_at = new Date(its.time.now() + 7_200_000).toISOString()
    const limited = await branch(its, { expires_at, options: { branch: 1 } })
    expect(limited.snapshot.expires_at).toBeDefined()
    expect(limited.targets).toMatchObject([{ name: 'fork' }])
    its.trouble('POST /snapshot/*/ttl', { answer: { status: 403, body: { detail: 'no' } } })
    const { snapshot, targets, warnings } = await branch(its, { expires_at })
    expect([snapshot.expires_at, targets?.length]).toEqual([undefined, 3])
    expect(warnings).toContainEqual(expect.stringContaining('not certain that the snapshot expires'))
  })

  test('of an image, or with other resources, is refused', async () => {
    const its = await world()
    const ofImage = await its.problem(branch(its, { source: image() }), 'INVALID_ARGUMENT')
    expect(ofImage.hint).toContain('snapshot_restore')
    await its.problem(branch(its, { options: { branch: 2, vcpus: 4 } }), 'INVALID_ARGUMENT')
    expect(its.morph.requests).toEqual([])
  })

  test('with a digest that stands for a snapshot starts copies of that one, and says so', async () => {
    const its = await world()
    const first = await its.create({ options: { digest: 'd1' } })
    const options = { branch: 2, digest: 'd1' }
    const { snapshot, targets, warnings } = await branch(its, { options })
    expect([snapshot, ids(targets)]).toEqual([first, ids(its.copies())])
    expect(warnings).toContainEqual(expect.stringContaining('nothing new was captured'))
    its.trouble(BRANCH, 'reset', 'after')
    const lost = await branch(its, { options })
    expect([lost.snapshot.id, its.copies().length, its.asked(BRANCH)]).toEqual([first.id, 4, 2])
    expect(ids(lost.targets)).toEqual(ids(its.copies().slice(2)))
  })

  test('with a digest that stands for a failed one says what was begun all the same', async () => {
    const its = await world()
    its.morph.addSnapshot({ digest: 'd1', status: 'failed' })
    const failed = await its.problem(branch(its, { options: { branch: 2, digest: 'd1' } }), 'CONFLICT')
    expect(failed).toMatchObject({
      outcome: 'partial',
      details: { targets: ids(its.copies())?.map((id) => ({ id })) },
    })
    expect(failed.message).not.toContain('Nothing was made')
  })

  test('of which one copy does not start is there, and says which', async () => {
    const its = await world()
    its.morph.failNext('instance')
    const { snapshot, targets, warnings } = await branch(its)
    const [broken, ...running] = its.copies()
    expect([snapshot.state, ids(targets)]).toEqual(['ready', ids(running)])
    expect(warnings).toContainEqual(expect.stringContaining(`"${broken?.id}"`))
  })

  test('that is refused has started nothing', async () => {
    const its = await world()
    its.morph.cloud.account.instances = 2
    expect(await its.problem(branch(its), 'QUOTA_EXCEEDED')).toMatchObject({ outcome: 'not_started' })
    its.morph.instance.status = 'saving'
    await its.problem(branch(its), 'BUSY')
    expect([its.shelf(), its.copies()]).toEqual([[], []])
  })
})

describe('a branch whose answer is lost', () => {
  test('is found by what it has made', async () => {
    const its = await world()
    its.trouble(BRANCH, { answer: { status: 502, raw: '<html>' } }, 'after')
    const { snapshot, targets } = await branch(its)
    expect([ids(its.shelf()), ids(its.copies())]).toEqual([[native(snapshot)], ids(targets)])
    expect([its.asked(BRANCH), targets?.length]).toEqual([1, 3])
  })

  test('and that had no effect is not sent again', async () => {
    const its = await world()
    its.trouble(BRANCH, 'reset')
    expect(await its.problem(branch(its), 'NETWORK')).toMatchObject({ outcome: 'not_started' })
    expect([its.asked(BRANCH), its.shelf(), its.copies()]).toEqual([1, [], []])
  })

  test('while the instance is still being saved is waited for', async () => {
    const its = await world({ synchronous: true })
    const release = its.morph.hold()
    const branching = branch(its)
    await expect.poll(() => its.morph.instance.status).toBe('saving')
    its.time.onSleep = () => its.time.slept.length > 60 && release()
    its.time.pass(11 * 60_000)
    expect((await branching).targets).toHaveLength(3)
    expect(its.asked(BRANCH)).toBe(1)
  })

  test('and that started fewer copies than wanted is not helped: it tells', async () => {
    const its = await world()
    its.trouble(BRANCH, 'reset', 'after')
    const losing = () => {
      for (const { id } of its.copies().slice(1)) its.morph.cloud.instances.delete(id)
      return false
    }
    its.morph.faults.push({ when: losing, at: 'before', how: 'hang' })
    const { targets, warnings } = await branch(its)
    expect(ids(targets)).toEqual(ids(its.copies()))
    expect(warnings).toContainEqual(expect.stringContaining('1 of 3 copies'))
  })
})

describe('a branch whose process was killed', () => {
  test.each([0, 1])('after note %i is taken up, and nothing is started twice', async (n) => {
    const its = await world()
    const expires_at = new Date(its.time.now() + 7_200_000).toISOString()
    const request = wish(its, { expires_at })
    const ctx = its.context()
    const first = await its.provider.create(request, ctx)
    expect(ctx.notes).toHaveLength(2)
    const left = { operation: ctx.operation, started_at: 0, request, facts: ctx.notes[n] }
    const { snapshot, targets, warnings } = await its.restart().resume!.create(left, its.context())
    expect([snapshot.id, targets, warnings]).toEqual([first.snapshot.id, first.targets, first.warnings])
    expect(snapshot.expires_at).toBeDefined()
    expect([its.asked(BRANCH), its.copies().length]).toEqual([1, 3])
  })

  test('before it was sent had not begun, and is not sent', async () => {
    const its = await world()
    const facts = { digest: 'snapshot-mcp-op_never' }
    const left = { operation: 'op_never', started_at: 0, request: wish(its), facts }
    const resumed = its.restart().resume!.create(left, its.context())
    expect(await its.problem(resumed, 'NETWORK')).toMatchObject({ outcome: 'not_started' })
    expect(its.asked(BRANCH)).toBe(0)
  })

  test('and whom nobody can answer leaves the outcome open', async () => {
    const its = await world()
    const ctx = its.context()
    its.time.onSleep = () => ctx.cancel()
    const cancelled = await its.problem(branch(its, {}, ctx), 'CANCELLED')
    expect(cancelled).toMatchObject({
      outcome: 'unknown',
      details: { targets: ids(its.copies())?.map((id) => ({ id })) },
    })
    its.time.onSleep = () => {}
    const left = { operation: ctx.operation, started_at: 0, request: wish(its), facts: ctx.notes.at(-1) }
    expect((await its.restart().resume!.create(left, its.context())).targets).toHaveLength(3)
  })
})

withVendor('Behind a proxy that knows the API description', () => {
  test('a branch is as it says on both sides', async () => {
    const port = await freePort()
    const prism = await startPrism('morph.openapi.json', `http://127.0.0.1:${port}/api`)
    try {
      const its = await world({ port }, prism.url)
      expect((await branch(its)).targets).toHaveLength(3)
      expect((await branch(its, { options: { branch: 1, digest: 'd1' } })).targets).toHaveLength(1)
      expect(its.asked(BRANCH)).toBe(2)
      expect(await prism.violations()).toEqual([])
    } finally {
      await prism.stop()
    }
  })
})
