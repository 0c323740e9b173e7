import { describe, expect, test } from 'vitest'
import { image, native, type World, world } from './world.ts'

/** A request that took effect without an answer, while the vendor shows less and less. */

type Seen = 'missing' | 'silence'

const ANSWERS = {
  missing: { answer: { status: 404, body: { statusCode: 404, message: 'not found' } } },
  silence: { answer: { status: 503, body: { statusCode: 503, message: 'down' } } },
} as const
const LOST = { answer: { status: 504, raw: '<html>', headers: { 'content-type': 'text/html' } } }

/** The next POST to a route is done and not answered, and then every look ends as told: the last one for ever. */
function lose(w: World, looks: readonly Seen[]): void {
  w.trouble('POST', /./, LOST, 'after')
  const sent = w.asked('POST', /./)
  for (const [index, seen] of looks.entries())
    w.daytona.faults.push({
      when: ({ method }) => method === 'GET' && w.asked('POST', /./) > sent,
      times: index === looks.length - 1 ? 1000 : 1,
      ...{ at: 'before', how: ANSWERS[seen] },
    })
}

/** How each is sent, and what is on record of it in the world afterwards. */
const REQUESTS = {
  'a snapshot of an image': (w: World) => () => w.create(image('a:1'), 'one'),
  'a snapshot of a sandbox': (w: World) => () => w.create(w.devbox, 'one'),
  async 'a sandbox'(w: World) {
    const { snapshot } = await w.create(image('a:1'), 'before')
    return () => w.restore(native(snapshot), { to: 'one' })
  },
}

const LOOKS: Seen[][] = [['silence'], ['missing', 'silence'], ['missing', 'missing', 'missing', 'silence']]

describe.for(Object.keys(REQUESTS) as (keyof typeof REQUESTS)[])('%s that nobody answers for', (what) => {
  test.for(LOOKS)('is open as long as the last look was not answered: %j', async (looks) => {
    const w = await world()
    const send = await REQUESTS[what](w)
    lose(w, looks)
    const problem = await send().then(String, ({ problem }) => problem)
    expect(problem).toMatchObject({ outcome: 'unknown', retryable: false })
    expect(problem.message).toContain('It is not known whether the request took effect')
    const made = [...w.daytona.world.snapshots.values(), ...w.daytona.world.sandboxes.values()]
    const capturing = w.daytona.sandbox.state === 'snapshotting'
    expect(capturing || made.some(({ name }) => name === 'one')).toBe(true)
  })
})
