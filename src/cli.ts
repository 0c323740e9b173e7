import { serve } from './cli/serve.ts'
import { type Config, loadConfig, readCommandLine } from './config.ts'
import { fail, SnapshotError } from './snapshots/errors.ts'
import { NAME, VERSION } from './version.ts'

/** argv -> one command; nothing else. Exit status: 0 done, 1 refused or failed, 2 called wrongly. */
async function main(argv: readonly string[]): Promise<number> {
  const { positionals, json, sample, limit, tenant, all, yes, verify, help, version, flags } =
    readCommandLine(argv)
  const [command = 'serve', ...rest] = positionals
  if (version) return print(`${NAME} ${VERSION}\n`)
  if (help || command === 'help') return print((await import('./cli/help.ts')).helpText())
  if (sample !== undefined && command !== 'verify')
    throw fail('INVALID_ARGUMENT', '--sample belongs to verify.', 'See snapshot-mcp --help.')
  if ((all || yes) && command !== 'purge')
    throw fail('INVALID_ARGUMENT', '--all and --yes belong to purge.', 'See snapshot-mcp --help.')
  if ((verify || limit !== undefined) && command !== 'audit')
    throw fail('INVALID_ARGUMENT', '--verify and --limit belong to audit.', 'See snapshot-mcp --help.')
  if (tenant !== undefined && ['serve', 'tools', 'token'].includes(command))
    throw fail('INVALID_ARGUMENT', `--tenant does not belong to ${command}.`, 'See snapshot-mcp --help.')
  const load = () => loadFor(tenant, flags)
  switch (command) {
    case 'serve':
      take(rest, 0)
      return serve(loadConfig(flags))
    case 'approve':
      return (await import('./cli/approve.ts')).approve(take(rest, 1)[0]!, await load())
    case 'unprotect':
      return (await import('./cli/unprotect.ts')).unprotect(take(rest, 1)[0]!, await load())
    case 'transfer':
      return (await import('./cli/transfer.ts')).transfer(rest, await load())
    case 'purge':
      take(rest, 0)
      return (await import('./cli/purge.ts')).purge({ all, yes }, await load())
    case 'verify':
      take(rest, 0)
      return (await import('./cli/verify.ts')).verify({ sample, json }, await load())
    case 'audit':
      take(rest, 0)
      return (await import('./cli/audit.ts')).audit({ limit, json, verify }, await load(), print)
    case 'tools':
      take(rest, 0)
      return print((await import('./cli/tools.ts')).toolsText(loadConfig(flags), json))
    case 'token':
      take(rest, 0)
      return print((await import('./cli/token.ts')).tokenText(json))
    default:
      throw fail(
        'INVALID_ARGUMENT',
        `There is no command ${JSON.stringify(command)}.`,
        'See snapshot-mcp --help.',
      )
  }
}

/** What the command is about: the server itself, or one of its tenants. */
async function loadFor(tenant: string | undefined, flags: Record<string, unknown>): Promise<Config> {
  const base = loadConfig(flags)
  return tenant === undefined ? base : (await import('./config/tenant.ts')).configOfTenant(base, tenant)
}

function take(rest: readonly string[], expected: number): readonly string[] {
  if (rest.length === expected) return rest
  throw fail(
    'INVALID_ARGUMENT',
    `This takes ${expected} arguments, not ${rest.length}.`,
    'See snapshot-mcp --help.',
  )
}

function print(text: string): number {
  // Whoever reads may have seen enough: `snapshot-mcp --help | head -1` is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
  process.stdout.write(text)
  return 0
}

function report(error: unknown): number {
  if (!(error instanceof SnapshotError)) throw error
  const { code, message, hint } = error.problem
  process.stderr.write(`${NAME}: ${message}\n${hint}\n`)
  return code === 'INVALID_ARGUMENT' ? 2 : 1
}

main(process.argv.slice(2))
  .catch(report)
  .then((status) => {
    process.exitCode = status
  })
