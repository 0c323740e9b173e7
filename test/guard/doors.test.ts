import { expect, test } from 'vitest'
import { type Confirm, type Door, doorsFor, type Mode } from '../../src/guard/doors.ts'
import { caller } from '../snapshots/world.ts'
import { createDesk } from './desk.ts'

/** DESIGN 3.1, row by row. */
const TABLE: [mode: Mode, confirm: Confirm, reversible: boolean, canAsk: boolean, doors: Door[]][] = [
  ['auto', 'always', true, true, ['answer']],
  ['auto', 'always', true, false, ['token']],
  ['auto', 'always', false, true, ['answer']],
  ['auto', 'always', false, false, ['approval']],
  ['token', 'always', true, true, ['token']],
  ['token', 'always', true, false, ['token']],
  ['token', 'always', false, true, ['token']],
  ['token', 'always', false, false, ['token']],
  ['human', 'always', true, true, ['answer']],
  ['human', 'always', true, false, ['approval']],
  ['human', 'always', false, true, ['approval', 'answer']],
  ['human', 'always', false, false, ['approval', 'answer']],
  // An undo: it has no token argument, and needs none where it can be undone itself.
  ['auto', 'if_irreversible', true, true, []],
  ['auto', 'if_irreversible', true, false, []],
  ['auto', 'if_irreversible', false, true, ['answer']],
  ['auto', 'if_irreversible', false, false, ['approval']],
  ['token', 'if_irreversible', true, true, []],
  ['token', 'if_irreversible', true, false, []],
  ['token', 'if_irreversible', false, true, ['answer']],
  ['token', 'if_irreversible', false, false, ['approval']],
  ['human', 'if_irreversible', true, true, ['answer']],
  ['human', 'if_irreversible', true, false, ['approval']],
  ['human', 'if_irreversible', false, true, ['approval', 'answer']],
  ['human', 'if_irreversible', false, false, ['approval', 'answer']],
  // A copy to a new place takes nothing away.
  ['human', 'never', false, false, []],
  ['auto', 'never', true, true, []],
]

test.each(TABLE)(
  '%s, confirm %s, reversible %s, can ask %s: %j',
  (mode, confirm, reversible, canAsk, doors) => {
    expect(doorsFor({ mode, confirm, reversible, canAsk })).toEqual(doors)
  },
)

test.each(TABLE)(
  'the first call: %s, confirm %s, reversible %s, can ask %s',
  async (mode, confirm, reversible, canAsk, doors) => {
    const { guard, request } = createDesk({ mode, reversible })
    const call = guard.authorize(request({ confirm }), caller({ canAsk }))
    if (doors.includes('answer') && !canAsk)
      return expect(call).rejects.toMatchObject({ code: 'APPROVAL_REQUIRED' })
    const verdict = await call
    const answered = verdict.kind === 'reply' ? verdict.reply.status : verdict.kind
    const expected = { token: 'confirmation_required', answer: 'question', approval: 'approval_required' }
    expect(answered).toBe(doors[0] ? expected[doors[0]] : 'proceed')
  },
)
