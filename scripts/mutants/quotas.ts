import type { Layer } from './mutant.ts'

const QUOTAS = ['guard/quotas.test.ts']
const GUARD = ['guard/guard.test.ts']

export const quotas: Layer = {
  name: 'L1 quotas',
  mutants: [
    {
      without: 'the quota of all callers',
      file: 'guard/quotas.ts',
      find: 'if (global !== undefined)',
      instead: 'if (false)',
      tests: QUOTAS,
      red: '(G25)',
    },
    {
      without: 'the quota of one caller',
      file: 'guard/quotas.ts',
      find: 'if (ofPrincipal !== undefined)',
      instead: 'if (false)',
      tests: QUOTAS,
      red: 'of a caller and of a source leave others their own',
    },
    {
      without: 'the quota of one source',
      file: 'guard/quotas.ts',
      find: 'if (ofSource === undefined) return limits',
      instead: 'return limits',
      tests: QUOTAS,
      red: 'of a caller and of a source leave others their own',
    },
    {
      without: 'two cannot spend the same rest',
      file: 'guard/quotas.ts',
      find: 'ledger.version)) !== undefined) return',
      instead: 'ledger.version)) !== null) return',
      tests: QUOTAS,
      red: 'is never overspent',
    },
    {
      without: 'a delete that runs is counted',
      file: 'guard/guard.ts',
      find: 'if (live.removes) await spend(',
      instead: 'if (false) await spend(',
      tests: QUOTAS,
      red: 'of two plans within it the second is refused at the end',
    },
    {
      without: 'an expiry is counted as a delete',
      file: 'guard/rules.ts',
      find: 'await quotas.spend(policy(), deletes(caller, { snapshots: [snapshot] }))',
      instead: '',
      tests: GUARD,
      red: 'is counted as the delete that it is',
    },
    {
      without: 'a create beyond the quota leaves no record',
      file: 'snapshots/create.ts',
      find: 'await beforeChange(env.guard.checkCharge(',
      instead: 'void ((',
      tests: ['snapshots/policy.test.ts'],
      red: 'and what is refused leaves no record',
    },
    {
      without: 'a create is counted',
      file: 'snapshots/create.ts',
      find: 'await beforeChange(env.guard.charge(',
      instead: 'void ((',
      tests: ['snapshots/policy.test.ts'],
      red: 'once for one idempotency key, and not when they are refused',
    },
  ],
}
