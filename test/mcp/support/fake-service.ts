import type { Caller, Question } from '../../../src/snapshots/caller.ts'
import { fail } from '../../../src/snapshots/errors.ts'
import type { Snapshot } from '../../../src/snapshots/model.ts'
import type { Service } from '../../../src/snapshots/service-api.ts'

export const ID = `local:${'ab'.repeat(32)}`

export const SNAPSHOT: Snapshot = {
  id: ID,
  provider: 'local',
  name: 'before the change',
  state: 'ready',
  captures: ['files'],
  source: { kind: 'path', id: '/project', name: 'project' },
  created_at: '2026-11-20T10:00:00.000Z',
  size_bytes: 1_234_567,
  labels: {},
  protected: false,
  auto: false,
  native: {},
}

const UNDO = { operation: 'op_00000001', until: '2026-11-23T10:00:00.000Z' }
const NONE = { items: [] }

/** What the service was asked, in order. */
export interface Call {
  method: string
  args: Record<string, unknown>
  caller: Caller
}

export interface FakeService extends Service {
  calls: Call[]
  /** How often something destructive was really done. */
  executed: number
}

/** Answers plausibly, asks before it deletes, and remembers how it was called. */
export function fakeService(overrides: Partial<Service> = {}, typed?: Question['typed']): FakeService {
  const calls: Call[] = []
  const service: FakeService = {
    calls,
    executed: 0,
    create: async () => ({ status: 'done', operation: 'op_00000001', snapshot: SNAPSHOT }),
    list: async () => ({ items: [SNAPSHOT] }),
    get: async ({ snapshot }) => {
      if (snapshot !== ID) throw fail('NOT_FOUND', 'There is no such snapshot.', 'snapshot_list has them.')
      return { snapshot: SNAPSHOT }
    },
    diff: async () => ({
      from: ID,
      to: 'current',
      summary: { added: 0, removed: 0, modified: 0, bytes: 0 },
      changes: [],
    }),
    restore: async () => ({ status: 'done', operation: 'op_00000001', mode: 'in_place', undo: UNDO }),
    delete: async (_args, caller) => {
      if (!caller.canAsk)
        return {
          status: 'confirmation_required',
          confirmation: 'cfm_abcdefgh',
          expires_at: '2026-11-20T10:03:00.000Z',
        }
      if (caller.answer === undefined)
        return {
          status: 'question',
          confirmation: 'cfm_abcdefgh',
          message: 'Delete it?',
          ...(typed && { typed }),
        }
      if (caller.answer.action !== 'accept')
        throw fail('APPROVAL_DECLINED', 'A person said no; nothing was changed.', 'Do not ask again.')
      service.executed++
      return { status: 'done', operation: 'op_00000001', deleted: [ID], undo: UNDO }
    },
    undo: async () => ({ status: 'done', operation: 'op_00000002', undid: 'op_00000001' }),
    update: async () => ({ snapshot: SNAPSHOT }),
    prune: async () => ({
      status: 'dry_run',
      plan: { summary: 'Nothing', effects: {}, reversible: true, warnings: [] },
    }),
    sources: async () => NONE,
    status: async () => ({ providers: [], policy: {}, operations: [], undoable: [] }),
    busy: () => false,
    close: async () => {},
    ...overrides,
  }
  for (const [method, implementation] of Object.entries(service))
    if (typeof implementation === 'function' && method !== 'close')
      Object.assign(service, {
        [method]: (args: Record<string, unknown>, caller: Caller) => {
          calls.push({ method, args, caller })
          return (implementation as (...given: unknown[]) => unknown)(args, caller)
        },
      })
  return service
}
