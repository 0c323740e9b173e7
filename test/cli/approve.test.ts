import { describe, expect, test } from 'vitest'
import { type Decision, decide } from '../../src/cli/approve.ts'
import type { Approval } from '../../src/guard/approvals.ts'
import { fail } from '../../src/snapshots/errors.ts'

const APPROVAL = {
  v: 1,
  plan: 'cfm_abcdefgh',
  type: 'delete',
  provider: 'far',
  principal: 'local:1000',
  view: {
    summary: 'Delete 2 snapshots\n\u001b[2Jfor good',
    effects: { snapshots: 2 },
    reversible: false,
    warnings: ['The last one'],
  },
  created: 0,
  expires: 1,
  status: 'pending',
} as Approval

function person(answer: string, interactive = true, approve?: Decision['approvals']['approve']) {
  const said: string[] = []
  const decided: string[] = []
  const record = (what: string) => async (code: string, by: string) => {
    decided.push(`${what} ${code} ${by}`)
    return APPROVAL
  }
  const decision: Decision = {
    approvals: {
      find: async (code: string) => (code === 'GOOD' ? { code, approval: APPROVAL } : undefined),
      approve: approve ?? record('approve'),
      decline: record('decline'),
    } as unknown as Decision['approvals'],
    audit: { append: async ({ event }) => void decided.push(`wrote ${event}`) },
    terminal: { interactive, say: (text: string) => void said.push(text), ask: async () => answer },
    by: 'terminal:ada',
    searched: '/home/ada/state',
  }
  return { said, decided, decide: (code = 'GOOD') => decide(code, decision) }
}

test('shows what is asked before it asks', async () => {
  const { said, decide } = person('yes')
  await decide()
  expect(said[0]?.split('\n')).toEqual([
    'delete (far), asked by local:1000:',
    'Delete 2 snapshots??[2Jfor good',
    'Affects 2 snapshots',
    'CANNOT BE UNDONE.',
    'Warning: The last one',
  ])
})

describe('only a yes is a yes', () => {
  test.each(['yes', ' YES '])('%j approves', async (answer) => {
    const { decided, decide } = person(answer)
    expect(await decide()).toBe(0)
    expect(decided).toEqual(['wrote approved', 'approve GOOD terminal:ada'])
  })

  test.each(['y', 'no', '', 'yes please'])('%j declines', async (answer) => {
    const { decided, decide } = person(answer)
    expect(await decide()).toBe(1)
    expect(decided).toEqual(['wrote declined', 'decline GOOD terminal:ada'])
  })
})

test('an approval that came too late does not stand alone in the audit log', async () => {
  const { said, decided, decide } = person('yes', true, async () => {
    throw fail('NOT_FOUND', 'Nothing waits.', 'Check.')
  })
  await expect(decide()).rejects.toMatchObject({ code: 'NOT_FOUND' })
  expect(decided).toEqual(['wrote approved', 'wrote refused'])
  expect(said.join()).not.toContain('Approved.')
})

test('without a terminal or with an unknown code nothing is decided', async () => {
  const script = person('yes', false)
  await expect(script.decide()).rejects.toMatchObject({ code: 'FORBIDDEN' })
  const mistyped = person('yes')
  await expect(mistyped.decide('BAD')).rejects.toMatchObject({
    code: 'NOT_FOUND',
    message: expect.stringContaining('/home/ada/state'),
  })
  expect([...script.decided, ...mistyped.decided, ...script.said]).toEqual([])
})
