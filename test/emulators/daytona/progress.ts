import type { World } from './model.ts'

/**
 * How long each step of a job takes: so many looks at its subject that still find it unchanged, or so many seconds of
 * the clock. Only reads are looks. Nothing here has a timer.
 */
export type Pace = { polls: number } | { seconds: number }

/** One step that is under way: a cron or a runner will take it. */
export interface Job {
  /** Ids of what it concerns, or the key of a name. */
  about: readonly string[]
  begunAt: number
  looksLeft: number
  /** Takes the step. `at` is the time that it happens. */
  step(at: number): void
  /** Never ends by itself; the server gives up when this long has passed. */
  hangs?: Hang
}

export interface Hang {
  /** Milliseconds. */
  after: number
  step(at: number): void
}

export function begin(
  world: World,
  about: readonly string[],
  step: Job['step'],
  given: { at?: number; hangs?: Hang | undefined } = {},
): void {
  world.jobs.add({
    about,
    begunAt: given.at ?? world.now(),
    looksLeft: 'polls' in world.pace ? world.pace.polls : 0,
    step,
    ...(given.hangs ? { hangs: given.hangs } : {}),
  })
}

/** One look at everything that is under way and concerns the reader. */
export function look(world: World, concerned: (subject: string) => boolean = () => true): void {
  // By the clock several steps of one thing can be due; by looks it is one at a time. A set grows under its iterator.
  const jobs = 'seconds' in world.pace ? world.jobs : [...world.jobs]
  let changed = false
  for (const job of jobs) {
    if (!job.about.some(concerned)) continue
    const due = whenDue(world, job)
    if (due === undefined) continue
    world.jobs.delete(job)
    ;(job.hangs ?? job).step(due)
    changed = true
  }
  if (changed) notify(world)
}

function whenDue({ pace, now }: World, job: Job): number | undefined {
  if (job.hangs || 'seconds' in pace) {
    const lasts = job.hangs?.after ?? ('seconds' in pace ? pace.seconds * 1000 : 0)
    return now() >= job.begunAt + lasts ? job.begunAt + lasts : undefined
  }
  job.looksLeft -= 1
  return job.looksLeft < 0 ? now() : undefined
}

/** The subject of a job that concerns a snapshot before there is a record of it. */
export const nameKey = (name: string): string => `name:${name}`

/** Whether something is under way. */
export function busy(world: World, subject: string): boolean {
  return [...world.jobs].some((job) => job.about.includes(subject))
}

export function cancel(world: World, subject: string): void {
  for (const job of world.jobs) if (job.about.includes(subject)) world.jobs.delete(job)
  notify(world)
}

function notify({ watchers }: World): void {
  for (const watcher of watchers) watcher()
}

/** Resolves when something has changed by itself. */
export function changed(world: World): Promise<void> {
  return new Promise((resolve) => {
    const watcher = () => {
      world.watchers.delete(watcher)
      resolve()
    }
    world.watchers.add(watcher)
  })
}
