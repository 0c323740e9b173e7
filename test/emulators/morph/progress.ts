import { setTimeout as sleep } from 'node:timers/promises'
import type { Cloud, Instance, Snapshot } from './model.ts'

/**
 * How long anything takes: so many looks at it (any request that concerns it is one, also when it is refused), or so
 * many seconds of the clock.
 */
export type Pace = { polls: number } | { seconds: number }

/** Something that takes a while. Nothing else can be begun with what it works on. */
export interface Task {
  on: (Snapshot | Instance)[]
  dueAt: number
  looksLeft: number
  /** A request waits for it, and ends it. */
  held: boolean
  /** It cannot end before this one is over. */
  after: Snapshot | undefined
  finish(): void
}

export function begin(cloud: Cloud, on: Task['on'], finish: () => void, after?: Snapshot): Task {
  const seconds = 'seconds' in cloud.pace ? cloud.pace.seconds : 0
  const task: Task = {
    on,
    dueAt: cloud.now() + seconds * 1000,
    looksLeft: 'polls' in cloud.pace ? cloud.pace.polls : 0,
    held: false,
    after,
    finish,
  }
  for (const thing of on) thing.task = task
  return task
}

/** A look at things brings what is done to them nearer to its end. */
export function look(cloud: Cloud, things: Iterable<Snapshot | Instance>): void {
  const tasks = new Set([...things].flatMap(({ task }) => task ?? []))
  for (const task of tasks) {
    if (task.after) look(cloud, [task.after])
    if (task.held || task.after?.task) continue
    if ('polls' in cloud.pace && task.looksLeft > 0) task.looksLeft--
    else if (cloud.now() >= task.dueAt) end(task)
  }
}

export function end(task: Task): void {
  // What was deleted meanwhile is on another way by now.
  for (const thing of task.on) if (thing.task === task) delete thing.task
  task.finish()
}

/** Ends a task within one request: at once, when the gate opens, or when its seconds are over. */
export async function wait(cloud: Cloud, task: Task): Promise<void> {
  task.held = true
  await cloud.gate
  while (cloud.now() < task.dueAt) await sleep(10)
  end(task)
}
