import { createApp } from '../app.ts'
import type { Config } from '../config.ts'
import { fail } from '../snapshots/errors.ts'
import { plain } from '../snapshots/plain.ts'
import type { Context, ProviderRegistry } from '../snapshots/provider.ts'
import type { Damage, SnapshotRef, VerifyResult } from '../snapshots/upkeep.ts'

export interface VerifyOptions {
  /** Share of the content to read, such as `10%`; all of it when absent. */
  sample?: string | undefined
  json: boolean
}

/** Where a person or a program reads what was found. */
export interface Output {
  say(text: string): void
  /** Present where somebody watches: shows how far it is, on one line; empty text takes it away. */
  show?(progress: string): void
  signal: AbortSignal
}

/** Reads back what is stored. Exit status 0 when everything is sound, 1 when something is damaged. */
export async function verify(
  options: VerifyOptions,
  config: Config,
  output: Output = outputOf(process),
): Promise<number> {
  const sample = shareOf(options.sample)
  const { registry, log } = createApp(config)
  const ctx: Context = {
    signal: output.signal,
    progress: (_done, _total, message) => output.show?.(message),
    log,
    operation: 'op_terminal',
  }
  const results = await verifyAll(registry, sample, ctx).finally(() => output.show?.(''))
  if (options.json) output.say(JSON.stringify({ results }, null, 2))
  else for (const { provider, ...result } of results) output.say(describe(provider, result))
  return results.every(({ damaged }) => damaged.length === 0) ? 0 : 1
}

async function verifyAll(registry: ProviderRegistry, sample: number | undefined, ctx: Context) {
  const results: ({ provider: string } & VerifyResult)[] = []
  for (const name of registry.names) {
    const provider = await registry.get(name)
    try {
      if (!provider.verify) continue
      const result = await provider.verify(sample === undefined ? {} : { sample }, ctx)
      results.push({ provider: name, ...result })
    } finally {
      await provider.close?.()
    }
  }
  if (results.length > 0) return results
  throw fail('UNSUPPORTED', 'No enabled provider keeps a store of its own.', 'There is nothing to verify.')
}

/** A share over 0 and up to 1. */
function shareOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const percent = /^(\d{1,3}(?:\.\d+)?)%$/.exec(text)?.[1]
  const share = Number(percent) / 100
  if (share > 0 && share <= 1) return share
  throw fail(
    'INVALID_ARGUMENT',
    `--sample: ${JSON.stringify(text)} is no share.`,
    'Give it as 10%, up to 100%.',
  )
}

function describe(
  provider: string,
  { checked, sampled, damaged, omitted = 0, affected }: VerifyResult,
): string {
  const what = `${checked.objects} objects (${checked.bytes} bytes) in ${checked.packs} packs, ${checked.snapshots} snapshots`
  const read = `${provider}: read ${what}${sampled === undefined ? '' : `; of the content a sample of ${percent(sampled)}`}.`
  if (damaged.length === 0)
    return `${read}\n${sampled === undefined ? 'Everything is sound.' : 'Nothing of it is damaged.'}`
  return [
    read,
    `DAMAGED: ${damaged.length + omitted}`,
    ...damaged.flatMap(damageLines),
    ...(omitted > 0 ? [`  and ${omitted} more`] : []),
    affected.length > 0 ? 'Snapshots that have lost something:' : 'No snapshot needs what is damaged.',
    ...affected.map((snapshot) => `  ${named(snapshot)}`),
    ...(affected.length > 0 ? ['Everything else in them, and every other snapshot, can be restored.'] : []),
  ].join('\n')
}

function damageLines({ what, id, snapshots, paths = [] }: Damage): string[] {
  return [
    `  ${what} ${plain(id)}`,
    ...paths.map(({ path }) => `    ${plain(path)}`),
    ...(snapshots.length > 0 ? [`    in ${snapshots.map(named).join(', ')}`] : []),
  ]
}

const percent = (share: number) => `${Number((share * 100).toFixed(4))}%`

const named = ({ id, name }: SnapshotRef) => `${plain(id)} "${plain(name)}"`

function outputOf({ stdout, stderr }: Pick<NodeJS.Process, 'stdout' | 'stderr'>): Output {
  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort())
  const clearLine = '\r\x1b[K'
  return {
    say: (text) => void stdout.write(`${text}\n`),
    ...(stderr.isTTY && { show: (text: string) => void stderr.write(clearLine + text) }),
    signal: stop.signal,
  }
}
