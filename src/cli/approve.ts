import { createApp } from '../app.ts'
import type { Config } from '../config.ts'
import type { Approvals } from '../guard/approvals.ts'
import type { Audit } from '../guard/audit.ts'
import { recordDecision } from '../guard/decision.ts'
import { effectLines } from '../mcp/tools/effects.ts'
import { fail } from '../snapshots/errors.ts'
import { plain } from '../snapshots/plain.ts'
import { operator, type Terminal, terminalOf } from './terminal.ts'

/** A person's yes or no to what an agent wants to do, from a place that the agent's client does not reach. */
export async function approve(code: string, config: Config): Promise<number> {
  const app = createApp(config)
  const [approvals, audit] = await Promise.all([app.approvals(), app.audit()])
  const terminal = terminalOf(process)
  return decide(code, { approvals, audit, terminal, by: operator(), searched: config.stateDirectory })
}

export interface Decision {
  approvals: Approvals
  audit: Audit
  terminal: Terminal
  /** For the records. */
  by: string
  /** Where the approvals were looked for. */
  searched: string
}

/** Shows the plan, asks, and records the answer. 1 when the person says no; NOT_FOUND when nothing waits. */
export async function decide(
  code: string,
  { approvals, audit, terminal, by, searched }: Decision,
): Promise<number> {
  // Before the code is looked up: a script must not learn which codes are good.
  if (!terminal.interactive)
    throw fail(
      'FORBIDDEN',
      'Approving needs a person at a terminal; nothing was approved.',
      'Run it in a terminal.',
    )
  const found = await approvals.find(code)
  if (found === undefined)
    throw fail(
      'NOT_FOUND',
      `Nothing waits under this code in ${searched}; it may have expired, or belong to a server with another home.`,
      'Type the command as the agent was given it, or ask the agent to try again.',
    )
  const { type, provider, view, principal } = found.approval
  terminal.say(
    [
      `${plain(type)} (${plain(provider)}), asked by ${plain(principal)}:`,
      plain(view.summary, 2000),
      ...effectLines(view.effects),
      view.reversible ? 'Can be undone.' : 'CANNOT BE UNDONE.',
      ...view.warnings.map((warning) => `Warning: ${plain(warning, 500)}`),
    ].join('\n'),
  )
  const answer = await terminal.ask('Approve? Type yes to approve, anything else to decline: ')
  const yes = answer.trim().toLowerCase() === 'yes'
  await recordDecision(found, { yes, by }, { approvals, audit })
  terminal.say(yes ? 'Approved. The agent can repeat its call now.' : 'Declined. Nothing was changed.')
  return yes ? 0 : 1
}
