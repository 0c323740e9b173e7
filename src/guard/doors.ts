import { z } from 'zod'

/**
 * What stands between a planned operation and its execution.
 * - `token`: the confirmation of the plan, which the model carries. Stops mistakes and stale views, not intent.
 * - `answer`: a person answers a question of the client, through a channel that the model cannot write to.
 * - `approval`: a person approves outside of the chat.
 */
export const Door = z.enum(['token', 'answer', 'approval'])
export type Door = z.infer<typeof Door>

/** Set by the operator. */
export type Mode = 'auto' | 'token' | 'human'

/**
 * Which operations have to pass at all: `always` a restore in place, a delete, or an undo that would take later work
 * along; `if_irreversible` an undo of what still stands as it was done; `never` what only adds, such as a restore to a
 * new place.
 */
export const Confirm = z.enum(['always', 'if_irreversible', 'never'])
export type Confirm = z.infer<typeof Confirm>

export interface Situation {
  mode: Mode
  confirm: Confirm
  reversible: boolean
  /** The client can put a question to a person. */
  canAsk: boolean
}

/** The doors to pass, all of them, in this order. None: it may run. */
export function doorsFor({ mode, confirm, reversible, canAsk }: Situation): readonly Door[] {
  if (confirm === 'never') return []
  const human: Door = canAsk ? 'answer' : 'approval'
  if (mode === 'human') return reversible ? [human] : ['approval', 'answer']
  if (confirm === 'if_irreversible') return reversible ? [] : [human]
  if (mode === 'token') return ['token']
  if (!reversible) return [human]
  return canAsk ? ['answer'] : ['token']
}
