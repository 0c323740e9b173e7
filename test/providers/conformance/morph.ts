import { createSecret } from '../../../src/providers/http/secret.ts'
import { createMorphProvider } from '../../../src/providers/morph/index.ts'
import type { Source } from '../../../src/snapshots/model.ts'
import type { Instance } from '../../emulators/morph/model.ts'
import { createMorph, type MorphOptions } from '../../emulators/morph.ts'
import { silent } from '../../snapshots/world.ts'
import { handTime } from '../http/hand-time.ts'
import { loseNextAnswer } from './lost-answer.ts'
import type { Subject } from './subject.ts'

/** Looks that find a thing on its way: enough to tell progress about. */
const POLLS = 3
/** More than a page of any list. */
const MANY = 230

/** `address`: where the provider finds it, when something is in between. */
export async function morphSubject(options: MorphOptions = {}, address?: string): Promise<Subject> {
  const time = handTime()
  const morph = await createMorph({ now: time.now, pollsToComplete: POLLS, ...options })
  const { instances, snapshots, images } = morph.cloud
  const sourceOf = ({ id }: Instance): Source => ({ kind: 'instance', id, name: id })
  const source = sourceOf(morph.instance)
  let step = 0
  return {
    provider: createMorphProvider({
      key: createSecret(morph.key),
      baseUrl: address ?? `${morph.url}/api`,
      ...{ log: silent, time, random: () => 0 },
    }),
    source,
    other: sourceOf(morph.addInstance({ content: { disk: 'not yours', memory: '' } })),
    recipe: { kind: 'image', id: 'img_ubuntu24', name: 'img_ubuntu24' },
    bulky: source,
    mutate() {
      step++
      morph.instance.content = { disk: `changed in step ${step}`, memory: `busy with step ${step}` }
      return new Map()
    },
    state: ({ id }) => JSON.stringify(instances.get(id)?.content ?? 'gone'),
    places: () => [...instances.keys()].sort(),
    crowd() {
      for (let n = 0; n < MANY; n++) {
        morph.addSnapshot()
        morph.addInstance()
      }
      return { snapshots: snapshots.size, sources: instances.size + images.length }
    },
    loseAnswer: () => loseNextAnswer(morph),
    tick: () => time.pass(5000),
    now: time.now,
    cleanup: () => morph.close(),
  }
}
