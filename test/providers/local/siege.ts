import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import v8 from 'node:v8'
import { expect, onTestFinished } from 'vitest'
import { SnapshotError } from '../../../src/snapshots/errors.ts'
import type { Provider, RestoreRequest } from '../../../src/snapshots/provider.ts'
import { differences, type Picture, picture } from '../../support/oracle.ts'
import { type Forge, forge } from './forge.ts'
import { context, native, type Workbench, workbench } from './support.ts'

/** A store that somebody got at, beside things that nobody may touch. */
export interface Siege {
  box: Workbench
  /** A snapshot made by ours, and what it holds. */
  good: { id: string; picture: Picture }
  /** Where copies go. */
  copy: string
}

/** Longer than anything here takes; what hangs is stopped by it. */
const PATIENCE_MS = 15_000
/** More than that in memory at once is a bomb that went off. */
const MEMORY_BYTES = 700e6
/** What a call may say to a hostile store. That it failed in a way nobody foresaw is not among them. */
const ANSWERS = [
  'CORRUPT',
  'NOT_FOUND',
  'CONFLICT',
  'UNSUPPORTED',
  'POLICY_DENIED',
  'NO_SPACE',
  'FORBIDDEN',
  'INVALID_ARGUMENT',
]

export async function siege(): Promise<Siege> {
  const box = workbench()
  return besieged(box)
}

export async function besieged(box: Workbench): Promise<Siege> {
  mkdirSync(join(box.dir, 'outside/dir'), { recursive: true })
  for (const path of ['outside/secret', 'outside/dir/file', 'beside'])
    writeFileSync(join(box.dir, path), `nobody may touch ${path}`)
  box.write('kept', 'a good file')
  box.write('dir/in', 'another')
  symlinkSync('../outside', box.at('link'))
  const saved = await box.save({ name: 'good' })
  const good = { id: saved.id, picture: box.picture() }
  box.write('kept', 'changed since')
  await box.provider.close?.()
  return { box, good, copy: join(box.dir, 'copy') }
}

/** Everything but the store and what a restore is told to write. */
function surroundings({ box, copy }: Siege): Picture {
  const all: Picture = new Map()
  for (const name of readdirSync(box.dir)) {
    const path = join(box.dir, name)
    if ([box.home, box.root, copy].includes(path)) continue
    for (const [below, entry] of picture(path)) all.set(`${name}/${below}`, entry)
  }
  return all
}

/** How a call ended. */
interface Answer {
  /** `done`, or the code of a refusal. */
  code: string
  /** It says that it has changed nothing. */
  unchanged: boolean
}

/**
 * Makes every call there is on a snapshot and proves that each ends in time, within memory and in words of ours, that
 * nothing beside the target has changed, and nothing in it either where that is what the call says. Returns the answers.
 */
export async function endure(at: Siege, id: string): Promise<Record<string, string>> {
  const provider = openIn(at)
  if (typeof provider === 'string') return { open: provider }
  const before = surroundings(at)
  const answers: Record<string, string> = {}
  const attempt = async (what: string, call: (p: Provider) => Promise<unknown>) => {
    const source = at.box.picture()
    const { code, unchanged } = await answerOf(() => call(provider))
    answers[what] = code
    expect(differences(before, surroundings(at)), `beside the target after ${what}`).toEqual([])
    if (unchanged || what !== 'in place')
      expect(differences(source, at.box.picture()), `in the source after ${what}: ${code}`).toEqual([])
  }
  const restore = async (fields: Partial<RestoreRequest>) => {
    const request = { snapshot: id, mode: 'in_place' as const, count: 1, ...fields }
    return provider.restore(await provider.planRestore(request, context()), context())
  }
  await attempt('list', (p) => p.list({ include_auto: true, include_trashed: true, limit: 100 }, context()))
  await attempt('get', (p) => p.get(id, context()))
  await attempt('diff', (p) => p.diff!({ from: id, limit: 50, content: true }, context()))
  await attempt('compare', (p) => p.diff!({ from: at.good.id, to: id, limit: 50, content: true }, context()))
  await attempt('new', () => restore({ mode: 'new', to: at.copy }))
  await attempt('in place', () => restore({}))
  await attempt('verify', (p) => p.verify!({}, context()))
  await provider.close?.()
  return answers
}

/** The good snapshot is still whole, whatever was done to the store. */
export async function isStillGood({ box, good }: Siege): Promise<void> {
  const provider = box.open()
  const to = join(box.dir, 'good')
  const request = { snapshot: good.id, mode: 'new' as const, to, count: 1 }
  const { items } = await provider.list(
    { include_auto: false, include_trashed: false, limit: 100 },
    context(),
  )
  expect(items.map(native)).toContain(good.id)
  await provider.restore(await provider.planRestore(request, context()), context())
  expect(differences(good.picture, picture(to))).toEqual([])
  await provider.close?.()
}

function openIn({ box }: Siege): Provider | string {
  try {
    return box.open({ specialModes: 'strip' })
  } catch (error) {
    return codeOf(error)
  }
}

async function answerOf(call: () => Promise<unknown>): Promise<Answer> {
  const started = performance.now()
  const memory = process.memoryUsage().rss
  let most = memory
  const watch = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss)
  }, 20)
  let bell: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    bell = setTimeout(() => reject(new Error('it takes too long')), PATIENCE_MS)
  })
  try {
    await Promise.race([call(), late])
    return { code: 'done', unchanged: false }
  } catch (error) {
    return { code: codeOf(error), unchanged: (error as SnapshotError).problem.outcome === 'not_started' }
  } finally {
    clearInterval(watch)
    clearTimeout(bell)
    // A slice that does not end lets no bell ring.
    expect(performance.now() - started).toBeLessThan(PATIENCE_MS)
    expect(Math.max(most, process.memoryUsage().rss) - memory).toBeLessThan(MEMORY_BYTES)
  }
}

function codeOf(error: unknown): string {
  if (!(error instanceof SnapshotError)) throw error
  expect(ANSWERS, error.message).toContain(error.code)
  return error.code
}

/** Builds one hostile snapshot and makes every call on it; the good one beside it must survive. */
export async function survive(build: (f: Forge, at: Siege) => string) {
  const at = await siege()
  const answers = await endure(at, build(forge(at.box), at))
  await isStillGood(at)
  return { at, answers }
}

/** For the running test this process has a heap of 50 MB, as far as it can tell. */
export function smallHeap(): void {
  const { getHeapStatistics } = v8
  v8.getHeapStatistics = () => ({ ...getHeapStatistics(), heap_size_limit: 50e6 })
  syncBuiltinESMExports()
  onTestFinished(() => {
    v8.getHeapStatistics = getHeapStatistics
    syncBuiltinESMExports()
  })
}

/** How everything ends that must not be trusted, and everything that may. */
export const REFUSED = { new: 'CORRUPT', 'in place': 'CORRUPT' }
export const DONE = { get: 'done', diff: 'done', new: 'done', 'in place': 'done', verify: 'done' }
