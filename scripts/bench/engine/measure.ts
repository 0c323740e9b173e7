import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Contestant } from '../contestants.ts'
import { type Growth, grow } from './growth.ts'
import type { Lumber } from './lumber.ts'
import { findPeers, type Peer, restic, tunedGit } from './peers.ts'
import { type Game, play, type Result } from './play.ts'
import { walk } from './walk.ts'
import type { Workspace } from './workspaces.ts'

/** What one workspace showed. */
export interface Measured {
  workspace: Workspace
  /** What the tree is, in words. */
  about: string
  files: number
  directories: number
  bytes: number
  /** Ours first. */
  results: Result[]
  growth: Growth[]
}

export interface Setting {
  /** Goes away after the run. */
  dir: string
  /** May outlive the run. */
  cache: string
  own: Contestant
  lumber: Lumber
  rounds: number
  signal: AbortSignal
  say(line: string): void
}

/** Makes the tree, lets the contestants play in turn, round by round, and leaves it to be removed. */
export async function measure(workspace: Workspace, setting: Setting): Promise<Measured> {
  const { own, rounds: wanted, lumber, signal, say } = setting
  const { name, rounds: bound } = workspace
  const dir = join(setting.dir, name)
  const root = join(dir, 'work/tree')
  mkdirSync(join(dir, 'work'), { recursive: true })
  say(`${name}: making ${workspace.title}`)
  const about = await workspace.make(root, setting.cache, signal)
  const walked = walk(root)
  const game: Game = { dir, root, walked, workspace, lumber, signal }

  const { present } = findPeers()
  const peers = present.filter(({ few }) => few || workspace.peers === 'all')
  const players = [{ contestant: own, needs: [] }, ...peers].map((peer: Peer) => ({
    contestant: peer.contestant,
    rounds: Math.min(wanted, peer.slow ? bound.slow : bound.most),
    times: {},
    store: 0,
  }))
  for (let round = 0; round < wanted; round++)
    for (const player of rotate(players, round)) {
      if (round >= player.rounds) continue
      say(`${name}: round ${round + 1} of ${player.rounds}, ${player.contestant.name}`)
      await play(game, player, round)
    }

  const growers = players
    .map((player) => player.contestant)
    .filter((each) => [own, tunedGit, restic].includes(each))
  if (workspace.growth) say(`${name}: ${workspace.growth} rounds of 20 edits`)
  const growth = workspace.growth ? await grow(growers, game, workspace.growth) : []
  lumber.discard(dir)
  const { files, directories, bytes } = walked
  return { workspace, about, files: files.length, directories, bytes, results: players, growth }
}

/** Another one begins each round: what the one before left in the machine hits everybody once. */
const rotate = <T>(items: readonly T[], by: number): T[] => [
  ...items.slice(by % items.length),
  ...items.slice(0, by % items.length),
]
