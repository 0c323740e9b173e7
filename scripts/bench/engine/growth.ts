import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { command, diskUse } from '../command.ts'
import type { Contestant } from '../contestants.ts'
import { editFiles } from './edits.ts'
import type { Game } from './play.ts'

const EDITS = { edited: 20, added: 0, deleted: 0 }

/** Bytes on disk after a first save and after that many rounds of 20 small edits, each followed by a save. */
export interface Growth {
  contestant: Contestant
  first: number
  after: number
}

/** All contestants save the same edits of the same copy of the tree. */
export async function grow(
  contestants: readonly Contestant[],
  game: Game,
  rounds: number,
): Promise<Growth[]> {
  const { signal, walked, lumber } = game
  const root = `${game.root}-growing`
  await command('cp', ['-a', game.root, root], { signal })
  const players = []
  try {
    for (const [n, contestant] of contestants.entries()) {
      const dir = join(game.dir, `growing-${n}`)
      mkdirSync(dir)
      const session = await contestant.open({ root, dir, signal })
      players.push({ contestant, dir, session, first: 0 })
    }
    for (const player of players) {
      await player.session.save()
      player.first = await diskUse(player.session.store)
    }
    for (let round = 0; round < rounds; round++) {
      editFiles(root, walked.files, round, EDITS)
      for (const { session } of players) await session.save()
    }
    const grown: Growth[] = []
    for (const { contestant, session, first } of players)
      grown.push({ contestant, first, after: await diskUse(session.store) })
    return grown
  } finally {
    for (const { session } of players) await session.close()
    for (const path of [root, ...players.map(({ dir }) => dir)]) lumber.discard(path)
  }
}
