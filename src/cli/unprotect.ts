import { createApp } from '../app.ts'
import type { Config } from '../config.ts'
import { fail } from '../snapshots/errors.ts'
import { SnapshotId } from '../snapshots/model.ts'
import { plain } from '../snapshots/plain.ts'
import type { Context, Provider } from '../snapshots/provider.ts'
import { operator, type Terminal, terminalOf } from './terminal.ts'

/** Lifts the protection of a snapshot: a person's decision, for which no tool exists. */
export async function unprotect(
  id: string,
  config: Config,
  terminal: Terminal = terminalOf(process),
): Promise<number> {
  if (!terminal.interactive) {
    throw fail(
      'FORBIDDEN',
      'This needs a person at a terminal; nothing was changed.',
      'Run it in a terminal.',
    )
  }
  const { success } = SnapshotId.safeParse(id)
  if (!success)
    throw fail('INVALID_ARGUMENT', 'That is not a snapshot id.', 'Give it as snapshot_list shows it.')
  const at = id.indexOf(':')
  const app = createApp(config)
  const { registry, log, principal } = app
  const provider = await registry.get(id.slice(0, at))
  const ctx = { signal: new AbortController().signal, progress() {}, log, operation: 'op_terminal' }
  try {
    return await lift(provider, id.slice(at + 1), terminal, ctx, async () => {
      const about = { principal, provider: provider.name, targets: [id], by: operator() }
      await (await app.audit()).append({ event: 'unprotected', ...about })
    })
  } finally {
    await provider.close?.()
  }
}

async function lift(
  provider: Provider,
  native: string,
  terminal: Terminal,
  ctx: Context,
  tell: () => Promise<void>,
): Promise<number> {
  if (!provider.unprotect) {
    throw fail('UNSUPPORTED', `${provider.name} has no protection to lift.`, 'There is nothing to do.')
  }
  const snapshot = await provider.get(native, ctx)
  terminal.say(
    `${plain(snapshot.id)} "${plain(snapshot.name)}" of ${snapshot.created_at}, ${plain(snapshot.source.id)}`,
  )
  if (!snapshot.protected) {
    terminal.say('It is not protected.')
    return 0
  }
  const answer = await terminal.ask('Lift its protection, so that it can be deleted? Type yes: ')
  if (answer.trim().toLowerCase() !== 'yes') {
    terminal.say('It stays protected.')
    return 1
  }
  await tell()
  await provider.unprotect(native, ctx)
  terminal.say('It is no longer protected.')
  return 0
}
