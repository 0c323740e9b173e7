import type { Cloud } from './model.ts'

/**
 * How long an action takes: so many looks at it (any request that concerns it counts, refused ones included), or so
 * many seconds of the clock. Nothing here has a timer.
 */
export type Pace = { polls: number } | { seconds: number }

export interface Action {
  id: number
  type: string
  status: 'in-progress' | 'completed' | 'errored'
  startedAt: number
  completedAt?: number
  /** What it works on. */
  on: Target
  region: string
  /** Looks that still find it in progress. */
  pollsLeft: number
  /** Ends as `errored`. */
  doomed: boolean
  effect(): void
}

export type Target =
  | { type: 'droplet'; id: number }
  | { type: 'image'; id: number }
  /** A volume is attached to and detached from a Droplet, which is busy meanwhile as well. */
  | { type: 'volume'; id: string; droplet?: number }

export function begin(
  cloud: Cloud,
  on: Target,
  type: string,
  region: string,
  effect: () => void = () => {},
): Action {
  const doom = cloud.doomed.indexOf(type)
  if (doom >= 0) cloud.doomed.splice(doom, 1)
  const action: Action = {
    id: cloud.nextId() * 10,
    type,
    status: 'in-progress',
    startedAt: cloud.now(),
    on,
    region,
    pollsLeft: 'polls' in cloud.pace ? cloud.pace.polls : 0,
    doomed: doom >= 0,
    effect,
  }
  cloud.actions.set(action.id, action)
  return action
}

/** One look at every action in progress that the request concerns. */
export function look(cloud: Cloud, concerned: (action: Action) => boolean = () => true): void {
  for (const action of cloud.actions.values()) {
    if (action.status !== 'in-progress' || !concerned(action)) continue
    if ('seconds' in cloud.pace) {
      if (cloud.now() >= action.startedAt + cloud.pace.seconds * 1000) finish(cloud, action)
    } else if (action.pollsLeft === 0) finish(cloud, action)
    else action.pollsLeft -= 1
  }
}

export function finish(cloud: Cloud, action: Action): void {
  if (action.status !== 'in-progress') return
  action.status = action.doomed ? 'errored' : 'completed'
  action.completedAt = cloud.now()
  if (!action.doomed) action.effect()
}

/** Whether an action works on this machine, volume or image. */
export const concerns =
  (type: Target['type'], id: number | string) =>
  ({ on }: Action): boolean =>
    (on.type === type && on.id === id) || (type === 'droplet' && on.type === 'volume' && on.droplet === id)

/** Whether one is in progress. To be asked after a look. */
export function busy(cloud: Cloud, type: Target['type'], id: number | string): boolean {
  const ours = concerns(type, id)
  return [...cloud.actions.values()].some((action) => action.status === 'in-progress' && ours(action))
}
