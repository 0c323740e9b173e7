import { createApp, logOf } from '../app.ts'
import { wantsTraces } from '../config/telemetry.ts'
import type { Config } from '../config.ts'
import { createMenu } from '../mcp/list-tools.ts'
import { createQuestions } from '../mcp/question.ts'
import { serveOnStdio } from '../mcp/stdio.ts'
import type { Log } from '../snapshots/provider.ts'
import { createTracing } from '../tracing/tracing.ts'

/** Serves MCP over HTTP until a signal arrives, or else on stdin and stdout until the client is gone. */
export async function serve(config: Config): Promise<number> {
  if (config.http) {
    const log = logOf(config)
    dieLoudly(log)
    warnOfUnexpanded(config, log)
    await (await import('../http/serve.ts')).serveHttp(config)
    process.exit(0)
  }
  const { log, principal, openWorld, service, stateKey, close } = createApp(config)
  dieLoudly(log)
  if (config.rootsProblem !== undefined)
    log.warn('No directory may be snapshotted: set SNAPSHOT_MCP_ROOTS or --root', {
      reason: config.rootsProblem,
    })
  warnOfUnexpanded(config, log)
  const { providers, readOnly } = config
  const questions = createQuestions(principal, stateKey)
  const menu = createMenu({ providers, openWorld, readOnly })
  const tracing = wantsTraces() ? createTracing(log) : undefined
  await serveOnStdio({
    service,
    providers,
    menu,
    principal,
    questions,
    log,
    ...(tracing && { tracing }),
  })
  await close()
  await tracing?.close()
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

function warnOfUnexpanded({ unexpanded = [] }: Config, log: Log): void {
  for (const setting of unexpanded)
    log.warn('A setting is taken as not set: its client handed over a variable that it did not expand', {
      setting,
    })
}
