/**
 * What stands between a planned operation and its execution.
 * - `token`: the confirmation of the plan, which the model carries. Stops mistakes and stale views, not intent.
 * - `answer`: a person answers a question of the client, through a channel that the model cannot write to.
 * - `approval`: a person approves outside of the chat.
 */
export type Door = 'token' | 'answer' | 'approval'

/** Set by the operator. */
export type Mode = 'auto' | 'token' | 'human'

/**
 * Which operations have to pass at all: `always` a restore in place or a delete; `if_irreversible` an undo, which by
 * nature can be undone itself; `never` what only adds, such as a restore to a new place.
 */
export type Confirm = 'always' | 'if_irreversible' | 'never'

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
