import { mkdirSync, mkdtempSync } from 'node:fs'
import { basename, join } from 'node:path'
import { bundleInto } from '../../test/support/bundle.ts'
import { digest, picture } from '../../test/support/oracle.ts'
import { diskUse, sync } from './command.ts'
import { type Contestant, copy, git } from './contestants.ts'
import { versionOf } from './machine.ts'
import { median, megabytes, seconds, table } from './numbers.ts'
import { ours } from './ours.ts'
import { edit, FILES, makeTree } from './tree.ts'

const ROUNDS = 5
const OPERATIONS = ['first', 'unchanged', 'edited', 'in place', 'new'] as const
type Operation = (typeof OPERATIONS)[number]
type Times = Record<Operation, number[]>

/** Part 2: saving and restoring one tree with each contestant in turn, round by round. Returns Markdown. */
export async function measureRounds(
  dir: string,
  signal: AbortSignal,
  say: (line: string) => void,
): Promise<string> {
  const own = ours(bundleInto(dir))
  const contestants: Contestant[] = [
    own,
    ...(versionOf('git')
      ? [
          git('git, as it comes', {}),
          git('git, tuned', { 'core.compression': '0', 'core.untrackedCache': 'true', 'index.version': '4' }),
        ]
      : []),
    copy,
  ]
  const root = join(dir, 'work/tree')
  mkdirSync(root, { recursive: true })
  const { bytes } = makeTree(root)
  const expected = digest(picture(root))
  const times = new Map<Contestant, Times>()
  const sizes = new Map<Contestant, number>()
  for (const contestant of contestants)
    times.set(contestant, { first: [], unchanged: [], edited: [], 'in place': [], new: [] })
  for (let round = 0; round < ROUNDS; round++)
    for (const contestant of contestants) {
      say(`round ${round + 1} of ${ROUNDS}: ${contestant.name}`)
      const game = { dir, signal, root, expected, seed: round, times: times.get(contestant)! }
      sizes.set(contestant, await play(contestant, game))
    }
  return report(contestants, times, sizes, bytes)
}

interface Game {
  dir: string
  signal: AbortSignal
  root: string
  /** Digest of the tree as it was made: what every restore has to bring back. */
  expected: string
  seed: number
  times: Times
}

/**
 * One round of one contestant, with a store of its own. Nothing is removed before the end of the run: where many files
 * were just deleted, some file systems are slow to make new ones. Returns the size of the store after the first
 * save.
 */
async function play(contestant: Contestant, game: Game): Promise<number> {
  const { root, signal, expected, seed, times } = game
  const place = mkdtempSync(join(game.dir, 'round-'))
  const session = await contestant.open({ root, dir: place, signal })
  const timed = async (operation: Operation, run: () => Promise<void>) => {
    await sync()
    const started = performance.now()
    await run()
    times[operation].push(performance.now() - started)
  }
  try {
    await timed('first', () => session.save())
    const size = await diskUse(session.store)
    if (session.restoreInPlace) {
      await timed('unchanged', () => session.save())
      edit(root, seed)
      await timed('edited', () => session.save())
      await timed('in place', async () => {
        await session.planInPlace?.()
        await session.restoreInPlace?.()
      })
    }
    const to = `${root}-${basename(place)}`
    await timed('new', () => session.restoreNew(to))
    for (const path of [root, to])
      if (digest(picture(path)) !== expected) throw new Error(`${contestant.name} did not bring ${path} back`)
    return size
  } finally {
    await session.close()
  }
}

function report(
  contestants: Contestant[],
  times: Map<Contestant, Times>,
  sizes: Map<Contestant, number>,
  raw: number,
): string {
  const [own] = contestants as [Contestant]
  const value = (contestant: Contestant, operation: Operation) => median(times.get(contestant)![operation])
  const cell = (contestant: Contestant, operation: Operation) => {
    const ms = value(contestant, operation)
    if (Number.isNaN(ms)) return '-'
    const ratio = ms / value(own, operation)
    return contestant === own ? seconds(ms) : `${seconds(ms)} (${ratio.toFixed(1)}x)`
  }
  const rows = contestants.map((contestant) => [
    contestant.name,
    ...OPERATIONS.map((operation) => cell(contestant, operation)),
    megabytes(sizes.get(contestant)!),
  ])
  const head = [
    'seconds',
    'first save',
    'again, unchanged',
    'after 20 edits',
    'restore in place',
    'restore to new',
    'store',
  ]
  return [
    `The tree: ${FILES.toLocaleString('en')} files, ${megabytes(raw)} of content. Medians of ${ROUNDS} rounds, each contestant in turn with a fresh store, \`sync\` before each operation; in brackets how many times the time of snapshot-mcp. Every restore was checked by an independent hash of the whole tree.`,
    table(head, rows),
    contestants
      .map(({ name, how, durability }) => `- ${name}: ${how}. Durability: ${durability}.`)
      .join('\n'),
    ...(versionOf('git') ? [] : ['git is not installed: not measured.']),
  ].join('\n\n')
}
