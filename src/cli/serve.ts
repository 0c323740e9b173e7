import { createApp } from '../app.ts'
import type { Config } from '../config.ts'
import { createQuestions } from '../mcp/question.ts'
import { serveOnStdio } from '../mcp/stdio.ts'
import type { Log } from '../snapshots/provider.ts'

/** Serves MCP on stdin and stdout until the client is gone. */
export async function serve(config: Config): Promise<number> {
  const { log, principal, openWorld, service, stateKey, close } = createApp(config)
  dieLoudly(log)
  if (config.rootsProblem !== undefined)
    log.warn('No directory may be snapshotted: set SNAPSHOT_MCP_ROOTS or --root', {
      reason: config.rootsProblem,
    })
  for (const setting of config.unexpanded ?? [])
    log.warn('A setting is taken as not set: its client handed over a variable that it did not expand', {
      setting,
    })
  const { providers, readOnly } = config
  const questions = createQuestions(principal, stateKey)
  await serveOnStdio({ service, providers, openWorld, readOnly, principal, questions, log })
  await close()
  // A client that closed our stdin waits for the process to end: nothing left open may hold it.
  process.exit(0)
}

/** After a defect that nobody caught the state of the process is unknown: say what happened, and stop. */
function dieLoudly(log: Log): void {
  for (const event of ['uncaughtException', 'unhandledRejection'] as const)
    process.on(event, (error) => {
      log.error('The server stops because of a defect', { event, error })
      process.exit(1)
    })
}
