import { z } from 'zod'
import type { OperationType } from '../guard/policy.ts'
import type { AccountTransfer } from '../providers/digitalocean/index.ts'
import type { CallContext } from '../providers/http/exchange.ts'
import { fail } from '../snapshots/errors.ts'
import { plain } from '../snapshots/plain.ts'

export const PROVIDER = 'digitalocean'

/** One step of a transfer between two accounts, as it was typed. */
export interface Step {
  name: StepName
  /** What it counts as for the policy: an offer takes a snapshot away, an acceptance adds one. */
  type: OperationType
  /** The snapshot's id at the vendor. */
  image: string
  /** What happens, for the person who decides. */
  tells: string
  /** What is said when the answer is no. */
  kept: string
  /** Resolves with what has happened, for the person who wanted it. */
  run(transfers: AccountTransfer, ctx: CallContext): Promise<string>
}

type StepName = 'offer' | 'accept' | 'decline' | 'cancel'

interface Word {
  name: string
  /** What it is to be. */
  is: string
  schema: z.ZodType<string>
}

const number = (what: string) => ({
  is: `the number of ${what}`,
  schema: z.string().regex(/^[1-9]\d{0,14}$/),
})

const ID: Word = {
  name: 'ID',
  is: 'the id of a snapshot at DigitalOcean, as snapshot_list shows it',
  schema: z.string().regex(new RegExp(`^${PROVIDER}:[0-9a-fA-F-]{1,40}$`)),
}
const RECIPIENT: Word = {
  name: 'RECIPIENT',
  is: 'an e-mail address or the UUID of a team',
  // Plain ASCII only: letters of another script may look the same, and belong to somebody else.
  schema: z.union([z.email(), z.guid()]),
}
const IMAGE: Word = { name: 'IMAGE', ...number('an image') }
const TRANSFER: Word = { name: 'TRANSFER', ...number('a transfer, as its offer has told it') }
const UUID: Word = { name: 'UUID', is: 'the UUID of a team', schema: z.guid() }

const STEPS: Record<StepName, (words: readonly string[]) => Omit<Step, 'name'>> = {
  offer(words) {
    const [id, to] = take(words, [ID, RECIPIENT])
    const image = id.slice(id.indexOf(':') + 1)
    return {
      type: 'delete',
      image,
      tells:
        `You offer it to ${to}. As soon as the other account accepts, which some do at once, the snapshot leaves this ` +
        'account in all regions, and whoever has it can read the whole disk, keys and passwords included. ' +
        'Nothing here can bring it back. Until then it stays, and the offer can be taken back.',
      kept: 'It was not offered.',
      async run(transfers, ctx) {
        const { transfer, accepted } = await transfers.offer(image, to, ctx)
        return accepted
          ? 'It was accepted at once: the snapshot has left this account.'
          : [
              `It is offered. The other side accepts it with: snapshot-mcp transfer accept ${image} ${transfer} UUID (of its team)`,
              `Until then you can take the offer back with: snapshot-mcp transfer cancel ${image} ${transfer}`,
            ].join('\n')
      },
    }
  },

  accept(words) {
    const [image, transfer, team] = take(words, [IMAGE, TRANSFER, UUID])
    return {
      type: 'create',
      image,
      tells:
        `You accept it for the team ${team}, which owns it from then on and pays for it every month. ` +
        'The account that has offered it loses it. There is no way back but a new offer.',
      kept: 'It was not accepted.',
      async run(transfers, ctx) {
        await transfers.accept(Number(image), Number(transfer), team, ctx)
        return `It is accepted: the team ${team} has it now, as ${PROVIDER}:${image}.`
      },
    }
  },

  decline(words) {
    const [image, transfer] = take(words, [IMAGE, TRANSFER])
    return {
      type: 'update',
      image,
      tells:
        'You decline it: it stays with the account that has offered it, which would have to offer it again.',
      kept: 'It was not declined.',
      async run(transfers, ctx) {
        await transfers.decline(Number(image), Number(transfer), ctx)
        return 'It is declined.'
      },
    }
  },

  cancel(words) {
    const [image, transfer] = take(words, [IMAGE, TRANSFER])
    return {
      type: 'update',
      image,
      tells: 'You take the offer back: the snapshot stays in this account.',
      kept: 'The offer still stands.',
      async run(transfers, ctx) {
        await transfers.cancel(Number(image), Number(transfer), ctx)
        return 'The offer is taken back: the snapshot stays in this account.'
      },
    }
  },
}

/** INVALID_ARGUMENT for what is no step, or lacks a word of it. */
export function readStep([name = '', ...words]: readonly string[]): Step {
  if (isStep(name)) return { name, ...STEPS[name](words) }
  throw fail(
    'INVALID_ARGUMENT',
    `There is no step ${JSON.stringify(plain(name, 40))} of a transfer. Nothing was changed.`,
    `Say one of ${Object.keys(STEPS).join(', ')}. See snapshot-mcp --help.`,
  )
}

const isStep = (name: string): name is StepName => Object.hasOwn(STEPS, name)

function take<const Words extends readonly Word[]>(
  given: readonly string[],
  words: Words,
): { [Each in keyof Words]: string } {
  const usage = words.map(({ name }) => name).join(' ')
  const refused = (what: string) =>
    fail('INVALID_ARGUMENT', `${what} Nothing was changed.`, `It takes ${usage}. See snapshot-mcp --help.`)
  if (given.length !== words.length)
    throw refused(`This step takes ${words.length} arguments, not ${given.length}.`)
  for (const [at, { name, is, schema }] of words.entries())
    if (!schema.safeParse(given[at]).success)
      throw refused(`${name}: ${JSON.stringify(plain(given[at] ?? '', 80))} is not ${is}.`)
  return given as { [Each in keyof Words]: string }
}
