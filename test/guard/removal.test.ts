import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Policy } from '../../src/guard/policy.ts'
import { permitChange, permitRemoval, removable } from '../../src/guard/removal.ts'
import type { Snapshot } from '../../src/snapshots/model.ts'
import { caller, NOON, refusal } from '../snapshots/world.ts'
import { aSnapshot, createDesk, type DeskOptions, granted, replied } from './desk.ts'

const HOUR = 3_600_000

/** So many hours old. */
const old = (hours: number, fields: Partial<Snapshot> = {}) =>
  aSnapshot({ id: `memory:h${hours}`, created_at: new Date(NOON - hours * HOUR).toISOString(), ...fields })

interface Case {
  policy?: Partial<Policy>
  shelf: Snapshot[]
  removes: string[]
  reversible?: boolean
}

const ask = ({ policy, shelf, removes, reversible = true }: Case) =>
  permitRemoval(
    { read_only: false, delete: 'permanent', ...policy },
    {
      provider: 'memory',
      reversible,
      snapshots: shelf.filter(({ id }) => removes.includes(id)),
      shelf: async () => shelf,
    },
    NOON,
  )

describe('a snapshot that the policy protects', () => {
  test.each<[string, Policy['protect']]>([
    ['its id', { ids: ['memory:h*'] }],
    ['its name', { names: ['other', 'release-*'] }],
    ['a label', { labels: { keep: 'y*' } }],
  ])('by %s is not deleted', async (_what, protect) => {
    const shelf = [old(5, { name: 'release-1', labels: { keep: 'yes' } }), old(1, { id: 'memory:other' })]
    const problem = await refusal(ask({ policy: { protect }, shelf, removes: ['memory:h5'] }), 'PROTECTED')
    expect(problem.message).toContain('by the policy of the operator')
    await ask({ policy: { protect }, shelf, removes: ['memory:other'] })
  })

  test('is not protected by what is no label of its own', async () => {
    const policy = { protect: { labels: { constructor: '*', keep: 'yes' } } }
    await ask({ policy, shelf: [old(5, { labels: { keep: 'no' } }), old(1)], removes: ['memory:h5'] })
  })

  test('cannot be renamed or relabelled out of it, and can in other ways', () => {
    const policy: Policy = {
      read_only: false,
      delete: 'trash',
      protect: { names: ['release-*'], labels: { keep: '*' } },
    }
    const named = old(5, { name: 'release-1' })
    expect(() => permitChange(policy, named, { name: 'draft' })).toThrow('protected by the policy')
    expect(() => permitChange(policy, named, { name: 'release-2' })).not.toThrow()
    expect(() => permitChange(policy, named, { name: 'draft', labels: { keep: 'me' } })).not.toThrow()
    const labelled = old(5, { labels: { keep: 'me' } })
    expect(() => permitChange(policy, labelled, { labels: {} })).toThrow('protected by the policy')
    expect(() => permitChange(policy, labelled, { name: 'else' })).not.toThrow()
    expect(() => permitChange(policy, old(5), { name: 'else' })).not.toThrow()
  })
})

describe('min_keep', () => {
  const shelf = [old(5), old(4), old(3), old(1, { source: { kind: 'box', id: 'b', name: 'b' } })]

  test('leaves that many of a source', async () => {
    await ask({ policy: { min_keep: 2 }, shelf, removes: ['memory:h5'] })
    const problem = await refusal(
      ask({ policy: { min_keep: 2 }, shelf, removes: ['memory:h5', 'memory:h4'] }),
      'POLICY_DENIED',
    )
    expect(problem.message).toContain('at least 2 snapshots of desk')
  })

  test('leaves the newest, however many there are', async () => {
    const problem = await refusal(
      ask({ policy: { min_keep: 1 }, shelf, removes: ['memory:h3'] }),
      'POLICY_DENIED',
    )
    expect(problem.message).toContain('the newest snapshot of desk')
  })

  test('of 0 leaves nothing, and counts for what cannot be undone unless it is given', async () => {
    const removes = shelf.map(({ id }) => id)
    await ask({ policy: { min_keep: 0 }, shelf, removes, reversible: false })
    await ask({ shelf, removes })
    await refusal(ask({ shelf, removes, reversible: false }), 'POLICY_DENIED')
  })

  test.each<Partial<Snapshot>>([{ auto: true }, { state: 'failed' }, { state: 'creating' }])(
    'does not count what is no history: %j',
    async (fields) => {
      const newest = old(0, fields)
      const policy = { min_keep: 1 }
      await refusal(
        ask({ policy, shelf: [old(5), newest], removes: ['memory:h5', 'memory:h0'] }),
        'POLICY_DENIED',
      )
      await ask({ policy, shelf: [newest], removes: ['memory:h0'] })
    },
  )
})

test('min_age keeps what is younger, but for safety snapshots', async () => {
  const policy = { min_age: '2h' }
  const shelf = [old(2), old(1), old(1, { id: 'memory:auto', auto: true }), old(0)]
  await ask({ policy, shelf, removes: ['memory:h2', 'memory:auto'] })
  const problem = await refusal(ask({ policy, shelf, removes: ['memory:h1'] }), 'POLICY_DENIED')
  expect(problem).toMatchObject({ message: expect.stringContaining('younger than 2h') })
})

test('a delete that cannot be undone is denied where the policy says so', async () => {
  const call = { shelf: [old(5), old(1)], removes: ['memory:h5'], reversible: false }
  for (const deletion of ['trash', { memory: 'trash' }, { other: 'permanent' }, {}] as const)
    await refusal(ask({ ...call, policy: { delete: deletion } }), 'POLICY_DENIED')
  for (const deletion of ['permanent', { memory: 'permanent' }] as const)
    await ask({ ...call, policy: { delete: deletion } })
  await ask({ ...call, policy: { delete: undefined } })
})

describe('what decides by itself which snapshots go', () => {
  const ages = fc.uniqueArray(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 12 })
  const fields = fc.record({
    name: fc.constantFrom('release-1', 'draft'),
    auto: fc.boolean(),
    state: fc.constantFrom('ready', 'failed'),
    source: fc.constantFrom('a', 'b'),
  })
  const snapshots = ages.chain((hours) =>
    fc.tuple(
      fc.constant(hours),
      fc.array(fields, { minLength: hours.length, maxLength: hours.length }),
      fc.subarray(hours),
    ),
  )
  const policies = fc.record(
    {
      min_keep: fc.integer({ min: 0, max: 4 }),
      min_age: fc.constantFrom('1h', '10h'),
      protect: fc.constant<Policy['protect']>({ names: ['release-*'] }),
    },
    { requiredKeys: [] },
  )

  test('takes nothing that a delete would be refused for', async () => {
    await fc.assert(
      fc.asyncProperty(snapshots, policies, fc.boolean(), async ([hours, all, due], rules, reversible) => {
        const shelf = hours.map((hour, index) => {
          const { source, ...rest } = all[index] as (typeof all)[number]
          return old(hour, {
            ...rest,
            source: { kind: 'box', id: source, name: source },
          } as Partial<Snapshot>)
        })
        const policy: Policy = { read_only: false, delete: 'permanent', ...rules }
        const wanted = shelf.filter((_, index) => due.includes(hours[index] as number))
        const goes = removable(policy, wanted, shelf, { reversible, now: NOON })
        expect(wanted).toEqual(expect.arrayContaining(goes))
        await ask({ policy, shelf, removes: goes.map(({ id }) => id), reversible })
        const free: Policy = { read_only: false, delete: 'permanent', min_keep: 0 }
        expect(removable(free, wanted, shelf, { reversible, now: NOON })).toHaveLength(wanted.length)
      }),
      { numRuns: 500 },
    )
  })

  test('takes the oldest first', () => {
    const shelf = [old(1), old(5), old(3)]
    const policy: Policy = { read_only: false, delete: 'trash', min_keep: 2 }
    expect(removable(policy, shelf, shelf, { reversible: true, now: NOON }).map(({ id }) => id)).toEqual([
      'memory:h5',
    ])
  })
})

describe('at the guard', () => {
  async function desk(policy: Partial<Policy>, options?: DeskOptions) {
    const made = createDesk(options)
    made.rules.now = { ...made.rules.now, ...policy }
    made.live.snapshots = [old(5), old(4), old(3)]
    const plan = async (id: string) => {
      const reply = replied(await made.guard.authorize(made.request({}, [id]), caller()))
      return (confirmation = reply.confirmation) =>
        made.guard.authorize(made.request({ confirmation }, [id]), caller())
    }
    return { ...made, plan }
  }

  test('of two plans that the policy allows each, the second is refused at the end (G24)', async () => {
    const { plan, live } = await desk({ min_keep: 2 })
    const [first, second] = [await plan('memory:h5'), await plan('memory:h4')]
    const grant = granted(await first())
    live.snapshots = live.snapshots.filter(({ id }) => id !== 'memory:h5')
    await grant.settle('done')
    const problem = await refusal(second(), 'POLICY_DENIED')
    expect(problem.message).toContain('at least 2 snapshots')
  })

  test('a plan is not even made for what the policy keeps', async () => {
    const { plan, state } = await desk({ protect: { ids: ['memory:h4'] } })
    await refusal(plan('memory:h4'), 'PROTECTED')
    expect(await state.list('plan')).toEqual([])
  })
})
