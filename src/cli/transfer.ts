import { type App, createApp } from '../app.ts'
import { CREDENTIALS } from '../config/credentials.ts'
import { livePolicy } from '../config/policy.ts'
import type { Config } from '../config.ts'
import type { AuditEvent } from '../guard/audit.ts'
import { digest } from '../guard/digest.ts'
import { type Policy, permit } from '../guard/policy.ts'
import { permitRemoval } from '../guard/removal.ts'
import { type AccountTransfer, createAccountTransfer } from '../providers/digitalocean/index.ts'
import { fail, SnapshotError } from '../snapshots/errors.ts'
import type { Snapshot } from '../snapshots/model.ts'
import { plain, quotedName } from '../snapshots/plain.ts'
import type { Context, Provider } from '../snapshots/provider.ts'
import { operator, type Terminal, terminalOf } from './terminal.ts'
import { PROVIDER, readStep, type Step } from './transfer-steps.ts'

/** How much of its id a person types who parts with a snapshot, or takes one over. */
const TYPED = 6

/**
 * Gives a snapshot to another account at DigitalOcean, or takes one: a person's decision, for which no tool exists.
 * 1 when the person says no.
 */
export async function transfer(
  words: readonly string[],
  config: Config,
  terminal: Terminal = terminalOf(process),
): Promise<number> {
  const step = readStep(words)
  if (!terminal.interactive) {
    throw fail(
      'FORBIDDEN',
      'This needs a person at a terminal; nothing was changed.',
      'Run it in a terminal.',
    )
  }
  const account = config.accounts[PROVIDER]
  if (!account) throw withoutKey()
  const app = createApp(config)
  const policy = livePolicy(config.policyFile, config.readOnly)
  permit(policy(), { type: step.type, provider: PROVIDER })
  const provider = await app.registry.get(PROVIDER)
  const transfers = createAccountTransfer({ ...account, log: app.log })
  try {
    return await decide(step, { app, policy, provider, transfers, terminal, words })
  } finally {
    await Promise.all([provider.close?.(), transfers.close()])
  }
}

interface Hands {
  app: App
  policy: () => Policy
  provider: Provider
  transfers: AccountTransfer
  terminal: Terminal
  words: readonly string[]
}

async function decide(step: Step, hands: Hands): Promise<number> {
  const { terminal, transfers, app } = hands
  const { signal } = new AbortController()
  const ctx: Context = { signal, progress() {}, log: app.log, operation: 'op_terminal' }
  terminal.say(about(step, await permitted(step, hands, ctx)))
  terminal.say(step.tells)
  if (!(await isAgreed(step, terminal))) {
    terminal.say(`${step.kept} Nothing was changed.`)
    return 1
  }
  // The question may have stood there for hours.
  await permitted(step, hands, ctx)
  terminal.say(await witnessed(step, hands, () => step.run(transfers, ctx)))
  return 0
}

/** The snapshot, if this account sees it. Throws what may not be done to it. */
async function permitted(
  step: Step,
  { policy, provider }: Hands,
  ctx: Context,
): Promise<Snapshot | undefined> {
  const rules = policy()
  permit(rules, { type: step.type, provider: PROVIDER })
  if (step.name !== 'offer') return provider.get(step.image, ctx).catch(unseen)
  const snapshot = await provider.get(step.image, ctx)
  if (snapshot.source.kind === 'volume') throw ofVolume(snapshot)
  const removal = {
    provider: PROVIDER,
    reversible: false,
    snapshots: [snapshot],
    shelf: () => listAll(provider, snapshot, ctx),
  }
  // The newest one stays if the operator says so; by default that holds for agents, and a person has named this one.
  await permitRemoval({ ...rules, min_keep: rules.min_keep ?? 0 }, removal, Date.now())
  return snapshot
}

/** Of the same source. */
async function listAll(provider: Provider, { source }: Snapshot, ctx: Context): Promise<Snapshot[]> {
  const query = { source, include_auto: true, include_trashed: false, limit: 100 }
  const all: Snapshot[] = []
  let cursor: string | undefined
  do {
    const { items, next } = await provider.list({ ...query, ...(cursor !== undefined && { cursor }) }, ctx)
    all.push(...items)
    cursor = next
  } while (cursor !== undefined)
  return all
}

/** What belongs to the other account need not be visible. */
function unseen(error: unknown): undefined {
  if (error instanceof SnapshotError && ['NOT_FOUND', 'FORBIDDEN'].includes(error.code)) return undefined
  throw error
}

function about({ image }: Step, snapshot: Snapshot | undefined): string {
  if (!snapshot) return `${PROVIDER}:${image}. This account does not see its name, its size or what it costs.`
  const { id, name, created_at, source, size_bytes, cost_per_month: cost } = snapshot
  const size = size_bytes === undefined ? 'unknown size' : `${(size_bytes / 2 ** 30).toFixed(2)} GB`
  const price = cost ? `${cost.amount.toFixed(2)} ${plain(cost.currency)} a month` : 'unknown cost'
  const of = `${plain(source.kind)} ${quotedName(source.name)} (${plain(source.id)})`
  return `${plain(id)} ${quotedName(name)} of ${created_at}, from ${of}, ${size}, ${price}`
}

async function isAgreed({ name, image }: Step, terminal: Terminal): Promise<boolean> {
  if (name === 'decline' || name === 'cancel')
    return (await terminal.ask('Do it? Type yes: ')).trim().toLowerCase() === 'yes'
  const answer = await terminal.ask(
    `This CANNOT BE UNDONE. To ${name} it, type the last ${TYPED} characters of its id: `,
  )
  return answer.trim() === image.slice(-TYPED)
}

/** It is in the audit log before it begins, and there is said how it ended. Whom it goes to is there as a digest. */
async function witnessed(step: Step, { app, words }: Hands, work: () => Promise<string>): Promise<string> {
  const audit = await app.audit()
  const told: Omit<AuditEvent, 'event'> = {
    principal: app.principal,
    type: step.name,
    provider: PROVIDER,
    targets: [`${PROVIDER}:${step.image}`],
    args_digest: digest(words),
    by: operator(),
  }
  await audit.append({ event: 'transferred', ...told })
  const tellEnd = (outcome: string) =>
    audit
      .append({ event: 'ended', ...told, outcome })
      .catch((error) => app.log.error('audit: a line could not be written', { ...told, outcome, error }))
  try {
    const said = await work()
    await tellEnd('done')
    return said
  } catch (error) {
    const isOver = error instanceof SnapshotError && error.problem.outcome === 'not_started'
    await tellEnd(isOver ? 'failed' : 'unknown')
    throw isOver ? error : inDoubt(error)
  }
}

function inDoubt(error: unknown): unknown {
  if (!(error instanceof SnapshotError)) return error
  const hint = 'Look at the image in the control panel of DigitalOcean before you do it again.'
  return new SnapshotError({ ...error.problem, hint }, error)
}

const ofVolume = ({ id }: Snapshot) =>
  fail(
    'UNSUPPORTED',
    `${id} is the snapshot of a volume, and only those of Droplets can go to another account. Nothing was changed.`,
    'Copy what is on the volume over the network instead.',
  )

function withoutKey() {
  const variables = CREDENTIALS.filter(({ provider, part }) => provider === PROVIDER && part === 'key').map(
    ({ variable }) => variable,
  )
  return fail(
    'INVALID_ARGUMENT',
    `There is no key for ${PROVIDER}: ${variables[0]} is not set, or --providers leaves ${PROVIDER} out. Nothing was changed.`,
    `Set ${variables.join(' or ')} in the environment of this command.`,
  )
}
