import { cpSync, mkdirSync, realpathSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { build } from '../test/support/bundle.ts'
import type { Replies, ToolName } from '../test/support/clients.ts'
import { differences, type Picture, picture } from '../test/support/oracle.ts'
import { PROJECT } from '../test/support/server.ts'
import { wreck } from './demo/wreck.ts'
import { withScratch } from './scratch.ts'

/**
 * `npm run demo`: an agent's client saves a real workspace through the real server, breaks it, looks, and gets it
 * back, with every claim checked by hashes that the server has no part in. Exit status 1 when a check fails.
 */
const colours = process.stdout.isTTY && !process.env.NO_COLOR
const paint = (code: number) => (text: string) => (colours ? `\x1b[${code}m${text}\x1b[0m` : text)
const [bold, dim, red, green, cyan] = [1, 2, 31, 32, 36].map(paint) as [Paint, Paint, Paint, Paint, Paint]
type Paint = (text: string) => string
const say = (text = '') => void process.stdout.write(`${text}\n`)

let step = 0
const title = (text: string) => say(`\n${bold(`${++step}. ${text}`)}`)

let failed = 0
function check(claim: string, expected: Picture, root: string): void {
  const started = performance.now()
  const wrong = differences(expected, picture(root))
  const hashed = `${expected.size.toLocaleString('en')} entries hashed independently in ${seconds(started)}`
  say(`   ${wrong.length === 0 ? green('OK') : red('FAILED')}  ${claim} ${dim(`(${hashed})`)}`)
  for (const line of wrong.slice(0, 5)) say(red(`       ${line}`))
  if (wrong.length > 0) failed++
}

const seconds = (since: number) => `${((performance.now() - since) / 1000).toFixed(2)} s`

/** Calls a tool and shows what the agent sends and what it reads. */
async function call<T extends ToolName>(
  client: Client,
  name: T,
  args: object,
  lines = 4,
): Promise<Replies[T]> {
  const started = performance.now()
  const result = await client.callTool({ name, arguments: { ...args } }, { timeout: 300_000 })
  const took = seconds(started)
  say(`   ${cyan('>')} ${name} ${dim(brief(JSON.stringify(args)))}  ${bold(took)}`)
  const text = result.content.map((part) => (part.type === 'text' ? part.text : '')).join('\n')
  const shown = text.split('\n')
  for (const line of shown.slice(0, lines)) say(`     ${short(brief(line))}`)
  if (shown.length > lines) say(dim(`     ... ${shown.length - lines} more lines`))
  if (result.isError) throw new Error(`${name} failed`)
  return result.structuredContent as Replies[T]
}

/** Ids are long so that they cannot be guessed; a person needs less of them. */
const brief = (text: string) => text.replace(/([0-9a-f]{8})[0-9a-f]{12,}/g, '$1..')
const short = (line: string) => (line.length > 140 ? `${line.slice(0, 137)}...` : line)

async function main(dir: string, signal: AbortSignal): Promise<void> {
  const root = join(dir, 'workspace')
  mkdirSync(root)
  // A link to node_modules, as some set-ups have it, would be copied as a link, and the damage done at its end.
  for (const part of ['src', 'node_modules'])
    cpSync(realpathSync(join(PROJECT, part)), join(root, part), {
      recursive: true,
      verbatimSymlinks: true,
      preserveTimestamps: true,
    })
  say(bold('snapshot-mcp: a save point for an agent, from the first call to the undo'))
  say(`A throw-away copy of this project's src/ and node_modules/ is in ${root}.`)
  say(
    `The server is dist/snapshot-mcp.js, the client the official MCP SDK over stdio, ${process.platform}, Node ${process.version}.`,
  )

  const client = new Client(
    { name: 'demo', version: '1.0.0' },
    { versionNegotiation: { mode: { pin: '2026-07-28' } } },
  )
  signal.throwIfAborted()
  signal.addEventListener('abort', () => void client.close())
  const started = performance.now()
  await client.connect(
    new StdioClientTransport({
      command: process.execPath,
      args: [join(PROJECT, 'dist/snapshot-mcp.js'), 'serve', '--root', root, '--home', join(dir, 'home')],
      stderr: 'ignore',
    }),
  )
  const { tools } = await client.listTools()
  say(`Started and listed ${tools.length} tools in ${seconds(started)}.`)
  try {
    await story(client, root)
  } finally {
    await client.close()
  }
}

async function story(client: Client, root: string): Promise<void> {
  const good = picture(root)
  title('Save before a risky change')
  const { snapshot } = await call(client, 'snapshot_create', { name: 'before the refactoring' }, 8)
  const id = snapshot.id

  title('Saving again what has not changed costs next to nothing')
  await call(client, 'snapshot_create', { name: 'nothing changed' }, 3)

  title('The agent goes wrong')
  for (const line of wreck(root)) say(`   ${red('!')} ${line}`)
  const broken = picture(root)

  title('What changed since?')
  await call(client, 'snapshot_diff', { from: id, limit: 6 }, 9)

  title('Roll back: first the plan, nothing has run yet')
  const plan = await call(client, 'snapshot_restore', { snapshot: id }, 5)
  check('nothing was touched by planning', broken, root)

  title('Confirm it')
  const { confirmation } = plan
  const restored = await call(client, 'snapshot_restore', { snapshot: id, confirmation }, 6)
  check('every byte, mode, link and time is as it was saved', good, root)

  title('And if the roll back was the mistake: undo it')
  const undone = await call(client, 'snapshot_undo', { operation: restored.undo!.operation }, 3)
  check('the damage is back, exactly', broken, root)

  title('Undo the undo')
  await call(client, 'snapshot_undo', { operation: undone.undo!.operation }, 3)
  check('the saved state is back, exactly', good, root)
}

build()
try {
  await withScratch(tmpdir(), main)
  if (!process.exitCode) say(failed === 0 ? green('\nAll checks passed.') : red(`\n${failed} checks failed.`))
} catch (error) {
  failed++
  say(red(`\nThe demo stopped: ${(error as Error).message}`))
}
if (failed > 0) process.exitCode = 1
