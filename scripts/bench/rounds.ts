import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { digest, picture } from '../../test/support/oracle.ts'
import { type Contestant, copy, git, ours } from './contestants.ts'
import { versionOf } from './machine.ts'
import { median, megabytes, seconds, table } from './numbers.ts'
import { edit, FILES, makeTree } from './tree.ts'

const ROUNDS = 5
const OPERATIONS = ['first', 'unchanged', 'edited', 'in place', 'new'] as const
type Operation = (typeof OPERATIONS)[number]
type Times = Record<Operation, number[]>

/** Part 2: saving and restoring one tree with each contestant in turn, round by round. Returns Markdown. */
export async function measureRounds(say: (line: string) => void): Promise<string> {
  const contestants: Contestant[] = [
    ours,
    ...(versionOf('git')
      ? [
          git('git, as it comes', {}),
          git('git, tuned', { 'core.compression': '0', 'core.untrackedCache': 'true', 'index.version': '4' }),
        ]
      : []),
    copy,
  ]
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'snapshot-mcp-bench-')))
  try {
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
        const size = await play(contestant, {
          dir,
          root,
          expected,
          seed: round,
          times: times.get(contestant)!,
        })
        sizes.set(contestant, size)
      }
    return report(contestants, times, sizes, bytes)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

interface Game {
  dir: string
  root: string
  /** Digest of the tree as it was made: what every restore has to bring back. */
  expected: string
  seed: number
  times: Times
}

/** One round of one contestant, with a store of its own. Returns the size of the store after the first save. */
async function play(contestant: Contestant, { dir, root, expected, seed, times }: Game): Promise<number> {
  const place = join(dir, 'round')
  mkdirSync(place)
  const session = await contestant.open(root, place)
  const timed = async (operation: Operation, run: () => Promise<void>) => {
    execFileSync('sync') // what the one before left in the page cache is not to be paid by the next
    const started = performance.now()
    await run()
    times[operation].push(performance.now() - started)
  }
  try {
    await timed('first', () => session.save())
    const size = diskUse(session.store)
    if (session.again && session.restoreInPlace) {
      await timed('unchanged', session.again)
      edit(root, seed)
      await timed('edited', session.again)
      await timed('in place', session.restoreInPlace)
    }
    const to = `${root}-copy`
    await timed('new', () => session.restoreNew(to))
    for (const path of [root, to])
      if (digest(picture(path)) !== expected) throw new Error(`${contestant.name} did not bring ${path} back`)
    rmSync(to, { recursive: true })
    return size
  } finally {
    await session.close()
    rmSync(place, { recursive: true })
  }
}

const diskUse = (path: string) =>
  Number(execFileSync('du', ['-sk', path], { encoding: 'utf8' }).split('\t')[0]) * 1024

function report(
  contestants: Contestant[],
  times: Map<Contestant, Times>,
  sizes: Map<Contestant, number>,
  raw: number,
): string {
  const value = (contestant: Contestant, operation: Operation) => median(times.get(contestant)![operation])
  const cell = (contestant: Contestant, operation: Operation) => {
    const ms = value(contestant, operation)
    if (Number.isNaN(ms)) return '-'
    const ratio = ms / value(ours, operation)
    return contestant === ours ? seconds(ms) : `${seconds(ms)} (${ratio.toFixed(1)}x)`
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
