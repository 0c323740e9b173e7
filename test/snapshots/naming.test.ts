import { describe, expect, test } from 'vitest'
import { args, caller, createWorld, refusal } from './world.ts'

describe('a provider that takes only some names', () => {
  const names = { pattern: '[a-zA-Z0-9_.-]+', max: 100 }

  test('gets one that fits, made of the source, the time and the operation', async () => {
    const { service, provider } = createWorld({ memory: { capabilities: { names } } })
    provider.boxes.set('my desk: left', {})
    const made = await service.create(args.create({ source: 'box:my desk: left' }), caller())
    expect(made.snapshot.name).toBe(`my-desk-left-2026-11-21-120000-${made.operation.slice(3, 9)}`)
  })

  test('is asked for no other, and the caller learns what fits', async () => {
    const { service, provider } = createWorld({ memory: { capabilities: { names } } })
    for (const name of ['before lunch', 'x'.repeat(101)]) {
      const problem = await refusal(service.create(args.create({ name }), caller()), 'INVALID_ARGUMENT')
      expect(problem.hint).toContain('[a-zA-Z0-9_.-]+')
    }
    expect((await service.create(args.create({ name: 'before-lunch' }), caller())).snapshot.name).toBe(
      'before-lunch',
    )
    expect(provider.shelf.size).toBe(1)
  })
})

test.each([
  ['note', { note: 'why' }],
  ['labels', { labels: { a: 'b' } }],
  ['ttl', { ttl: '7d' }],
])('a %s that the provider cannot keep is refused, not dropped', async (field, fields) => {
  const { service, provider } = createWorld({ memory: { capabilities: { create: ['name'] } } })
  const problem = await refusal(service.create(args.create(fields), caller()), 'UNSUPPORTED')
  expect(problem.message).toContain(`"${field}"`)
  expect(provider.shelf.size).toBe(0)
})

test('of an image, which nobody works in, two captures run at once', async () => {
  let meet = () => {}
  const met = new Promise<void>((resolve) => {
    meet = resolve
  })
  let arrived = 0
  const create = async () => {
    if (++arrived === 2) meet()
    // One after the other, the first would wait here for ever.
    await met
  }
  const { service, provider } = createWorld({
    memory: { capabilities: { recipes: ['box'] }, at: { create } },
  })
  await Promise.all([service.create(args.create(), caller()), service.create(args.create(), caller())])
  expect(provider.shelf.size).toBe(2)
})
