import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { TestClient } from '../../../test/support/clients.ts'
import { confirmed } from '../../../test/support/confirm.ts'
import { remove } from '../../scratch.ts'
import { median } from '../numbers.ts'
import { create, openServer, PATIENT, peakMemory } from '../ours.ts'
import { editFiles } from './edits.ts'
import { makeFiles } from './make-tree.ts'
import { type Walked, walk } from './walk.ts'

const ENTRIES = [1_000, 10_000, 100_000]
const SNAPSHOTS = [1, 100, 1_000]
const SAMPLES = 5
const EDITS = { edited: 10, added: 0, deleted: 0 }

/** Milliseconds of each call with 10 files edited, and the memory of the server after them, in bytes. */
export interface Costs {
  unchanged: number
  edit: number
  list: number
  diff: number
  inPlace: number
  peak: number | undefined
}

export interface Scaling {
  /** By number of entries in the tree, with a handful of snapshots. */
  entries: [number, Costs][]
  /** By number of snapshots in the store when the server started, on a tree of 1,000 entries. */
  snapshots: [number, Costs][]
}

interface Stage {
  bundle: string
  home: string
  root: string
  signal: AbortSignal
}

/** How the cost of each call follows the size of the tree and the number of snapshots, through the real server. */
export async function measureScaling(
  base: { dir: string; bundle: string; signal: AbortSignal },
  say: (line: string) => void,
): Promise<Scaling> {
  const scaling: Scaling = { entries: [], snapshots: [] }
  for (const entries of ENTRIES)
    await onTree(base, entries, async (stage) => {
      say(`scaling: ${entries} entries`)
      scaling.entries.push([entries, await probe(stage)])
    })
  await onTree(base, ENTRIES[0]!, async (stage) => {
    let there = 0
    for (const snapshots of SNAPSHOTS) {
      say(`scaling: ${snapshots} snapshots`)
      await fill(stage, there, snapshots)
      scaling.snapshots.push([snapshots, await probe(stage)])
      there = snapshots
    }
  })
  return scaling
}

async function onTree(
  { dir, bundle, signal }: { dir: string; bundle: string; signal: AbortSignal },
  entries: number,
  work: (stage: Stage) => Promise<void>,
): Promise<void> {
  const place = join(dir, 'scaling')
  const root = join(place, 'work/tree')
  const directories = entries / 20
  mkdirSync(join(place, 'work'), { recursive: true })
  makeFiles(root, {
    seed: entries,
    files: entries - directories,
    directories: directories + 1,
    sizes: [200, 4000],
    binaryEvery: 6,
  })
  await work({ bundle, home: join(place, 'home'), root, signal })
  remove(place)
}

/** Saves until so many snapshots were made, each of another state. */
async function fill(stage: Stage, from: number, to: number): Promise<void> {
  const { files } = walk(stage.root)
  await withServer(stage, async (client) => {
    for (let n = from; n < to; n++) {
      editFiles(stage.root, files, n, { ...EDITS, edited: 1 })
      await create(client, stage.root)
    }
  })
}

/** Medians in a running server that has seen the tree before. */
async function probe(stage: Stage): Promise<Costs> {
  const before = walk(stage.root)
  const samples = { unchanged: [], edit: [], list: [], diff: [], inPlace: [] } as Record<
    Exclude<keyof Costs, 'peak'>,
    number[]
  >
  const peak = await withServer(stage, async (client, pid) => {
    await create(client, stage.root)
    for (let n = 0; n < SAMPLES; n++)
      for (const [name, ms] of Object.entries(await sample(client, stage, before, n)))
        samples[name as keyof typeof samples].push(ms)
    return peakMemory(pid)
  })
  if (walk(stage.root).digest !== before.digest) throw new Error('A restore did not bring the tree back')
  const { unchanged, edit, list, diff, inPlace } = samples
  return {
    unchanged: median(unchanged),
    edit: median(edit),
    list: median(list),
    diff: median(diff),
    inPlace: median(inPlace),
    peak,
  }
}

async function sample(client: TestClient, { root }: Stage, { files }: Walked, seed: number) {
  const time = async (run: () => Promise<unknown>) => {
    const started = performance.now()
    await run()
    return performance.now() - started
  }
  let [from, to] = ['', '']
  const unchanged = await time(async () => {
    from = await create(client, root)
  })
  editFiles(root, files, seed, EDITS)
  const edit = await time(async () => {
    to = await create(client, root)
  })
  const list = await time(() => client.call('snapshot_list', {}))
  const diff = await time(() => client.call('snapshot_diff', { from, to, limit: 100 }, PATIENT))
  const inPlace = await time(() => confirmed(client, 'snapshot_restore', { snapshot: from }))
  return { unchanged, edit, list, diff, inPlace }
}

async function withServer<T>(
  stage: Stage,
  work: (client: TestClient, pid: number) => Promise<T>,
): Promise<T> {
  const { server, client } = await openServer(stage)
  try {
    return await work(client, server.pid)
  } finally {
    await server.stop()
  }
}
