import { createDaytonaProvider } from '../../../src/providers/daytona/index.ts'
import { createSecret } from '../../../src/providers/http/secret.ts'
import type { Source } from '../../../src/snapshots/model.ts'
import type { Sandbox } from '../../emulators/daytona/model.ts'
import { createDaytona, type DaytonaOptions } from '../../emulators/daytona.ts'
import { silent } from '../../snapshots/world.ts'
import { handTime } from '../http/hand-time.ts'
import { loseNextAnswer } from './lost-answer.ts'
import type { Subject } from './subject.ts'

/** Looks that find a thing on its way: enough to tell progress about. */
const POLLS = 3
/** More than a page of any list. */
const MANY = 230
const ROOM = { snapshots: 1000, totalCpu: 1000, totalMemory: 1000, totalDisk: 3000 }

/** `address`: where the provider finds it, when something is in between. */
export async function daytonaSubject(options: DaytonaOptions = {}, address?: string): Promise<Subject> {
  const time = handTime()
  const daytona = await createDaytona({ now: time.now, pollsToComplete: POLLS, quotas: ROOM, ...options })
  const { sandboxes, snapshots } = daytona.world
  // The checks want to know everything that is on the shelf, and this one is the vendor's.
  snapshots.delete(daytona.general.id)
  const sourceOf = ({ id, name }: Sandbox): Source => ({ kind: 'sandbox', id, name })
  const source = sourceOf(daytona.sandbox)
  const places = () =>
    [...sandboxes.values()].filter(({ state }) => state !== 'destroyed').map(({ id }) => id)
  let step = 0
  let copies = 0
  return {
    provider: createDaytonaProvider({
      key: createSecret(daytona.key),
      baseUrl: address ?? daytona.apiUrl,
      roots: [],
      ...{ log: silent, time, random: () => 0 },
    }),
    source,
    other: sourceOf(daytona.addSandbox({ name: 'other', content: 'not yours' })),
    recipe: { kind: 'image', id: 'python:3.12-slim', name: 'python:3.12-slim' },
    bulky: source,
    vacant: () => `copy-${++copies}`,
    occupied: 'other',
    mutate() {
      daytona.sandbox.content = `changed in step ${++step}`
      return new Map()
    },
    state: ({ id }) => sandboxes.get(id)?.content ?? 'gone',
    places: () => places().sort(),
    crowd() {
      for (let n = 0; n < MANY; n++) {
        daytona.addSnapshot()
        daytona.addSandbox()
      }
      return { snapshots: snapshots.size, sources: places().length }
    },
    loseAnswer: () => loseNextAnswer(daytona),
    tick: () => time.pass(5000),
    now: time.now,
    cleanup: () => daytona.close(),
  }
}
