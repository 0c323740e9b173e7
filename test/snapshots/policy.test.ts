import { describe, expect, test } from 'vitest'
import type { DeleteReply } from '../../src/snapshots/replies.ts'
import { args, caller, createWorld, refusal } from './world.ts'

const HOUR = 3_600_000

/** Snapshots of the desk with these names, one an hour, oldest first. */
async function filled(names: readonly string[]) {
  const world = createWorld()
  const ids: Record<string, string> = {}
  for (const name of names) {
    ids[name] = (await world.service.create(args.create({ name }), caller())).snapshot.id
    world.time.now += HOUR
  }
  const remaining = async () =>
    (await world.service.list(args.list(), caller())).items.map(({ name }) => name).reverse()
  const allow = (rules: object) => {
    world.rules.now = { ...world.rules.now, ...rules }
  }
  return { ...world, ids, remaining, allow }
}

test('prune leaves what the policy keeps, and takes the rest', async () => {
  const { service, remaining, allow } = await filled(['one', 'release', 'two', 'three', 'four'])
  allow({ protect: { names: ['release'] }, min_keep: 3 })
  const prune = (fields: object) => service.prune(args.prune({ keep_last: 1, ...fields }), caller())
  const { plan, confirmation } = (await prune({ dry_run: false })) as DeleteReply & { plan: object }
  expect(plan).toMatchObject({ effects: { ids: expect.any(Array) } })
  expect(await prune({ dry_run: false, confirmation })).toMatchObject({ status: 'done' })
  expect(await remaining()).toEqual(['release', 'three', 'four'])
  expect(await prune({ dry_run: false })).toMatchObject({ status: 'done', deleted: [] })
})

describe('the protection by a name or a label', () => {
  test('is not lifted by an update', async () => {
    const { service, ids, allow } = await filled(['release-1', 'draft'])
    allow({ protect: { names: ['release-*'] } })
    const rename = (snapshot: string | undefined, name: string) =>
      service.update(args.update({ snapshot, name }), caller())
    await refusal(rename(ids['release-1'], 'draft'), 'POLICY_DENIED')
    expect((await rename(ids['release-1'], 'release-1b')).snapshot.name).toBe('release-1b')
    expect((await rename(ids.draft, 'release-2')).snapshot.name).toBe('release-2')
    await refusal(rename(ids.draft, 'draft'), 'POLICY_DENIED')
  })

  test('is no way for an expiry either', async () => {
    const { service, ids, allow } = await filled(['release-1'])
    allow({ protect: { names: ['release-*'] } })
    const update = args.update({ snapshot: ids['release-1'], ttl: '7d' })
    await refusal(service.update(update, caller()), 'PROTECTED')
  })
})

test('an expiry is paid for when it is set', async () => {
  const { service, ids, allow } = await filled(['one', 'two'])
  allow({ quotas: { deletes_per_hour: { global: 1 } } })
  const expire = (name: string, ttl: string) =>
    service.update(args.update({ snapshot: ids[name], ttl }), caller())
  await refusal(expire('one', '1h'), 'INVALID_ARGUMENT')
  await expire('one', '25h')
  await refusal(expire('two', '25h'), 'QUOTA_EXCEEDED')
  await expire('one', '26h')
})

test('what a person declined is on record once, however often it is repeated', async () => {
  const { start, ids, state } = await filled(['one'])
  const service = start('auto')
  const restore = (fields: object = {}) =>
    service.restore(args.restore({ snapshot: ids.one }), caller({ canAsk: true, ...fields }))
  const { confirmation } = (await restore()) as { confirmation: string }
  for (let n = 0; n < 3; n++)
    await refusal(restore({ answer: { confirmation, action: 'decline' } }), 'APPROVAL_DECLINED')
  const operations = (await state.list('operation')).map(({ value }) => value as { state: string })
  expect(operations.filter((operation) => operation.state === 'declined')).toHaveLength(1)
})

describe('creates are counted', () => {
  test('once for one idempotency key, and not when they are refused', async () => {
    const { service, allow } = await filled([])
    allow({ quotas: { creates_per_hour: { principal: 2 } } })
    const create = (fields: object = {}) => service.create(args.create(fields), caller())
    for (let time = 0; time < 3; time++) await create({ idempotency_key: 'once' })
    await create()
    const problem = await refusal(create(), 'QUOTA_EXCEEDED')
    expect(problem).toMatchObject({ outcome: 'not_started', retry_after_ms: expect.any(Number) })
    expect((await create({ idempotency_key: 'once' })).status).toBe('done')
  })

  test('and what is refused leaves no record, with a key of its own or without', async () => {
    const { service, state, allow } = await filled([])
    allow({ quotas: { creates_per_hour: { global: 0 } } })
    for (const idempotency_key of [undefined, 'one', 'two', 'one'])
      await refusal(service.create(args.create({ idempotency_key }), caller()), 'QUOTA_EXCEEDED')
    expect(await state.list('operation')).toEqual([])
    expect(await state.list('idempotency')).toEqual([])
  })

  test('and the safety snapshot of a restore is not', async () => {
    const { service, ids, allow } = await filled(['one'])
    allow({ quotas: { creates_per_hour: { global: 0 } } })
    const restore = (fields: object = {}) =>
      service.restore(args.restore({ snapshot: ids.one, ...fields }), caller())
    const { confirmation } = (await restore()) as { confirmation: string }
    expect(await restore({ confirmation })).toMatchObject({ status: 'done' })
  })
})
