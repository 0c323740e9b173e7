import type { Layer } from './mutant.ts'

const APP = ['app.test.ts']

/** Each layer may be sound, and not be there. */
export const assembly: Layer = {
  name: 'assembly',
  mutants: [
    {
      without: 'the policy file is in force',
      file: 'app.ts',
      find: 'policy: livePolicy(config.policyFile, config.readOnly),',
      instead: "policy: () => ({ read_only: false, delete: 'trash' }),",
      tests: APP,
      red: 'a server obeys its policy file as it is now',
    },
    {
      without: 'the guard mode is in force',
      file: 'app.ts',
      find: 'mode: config.guard,',
      instead: "mode: 'auto',",
      tests: APP,
      red: 'a server in human mode asks for a person',
    },
    {
      without: 'the guard has its witness',
      file: 'app.ts',
      find: 'guard: audited(guard, sparing(audit, clock), log),',
      instead: 'guard,',
      tests: APP,
      red: 'a server writes down what it decides before it does it',
    },
    {
      without: 'the policy file is asked when a snapshot expires',
      file: 'app.ts',
      find: 'expirable: expirable(config, log),',
      instead: '',
      tests: APP,
      red: 'nothing expires that the policy file keeps',
    },
    {
      without: 'a setting that no client has filled in is named',
      file: 'config.ts',
      find: 'if (isUnexpanded(value)) unexpanded.push(origin)',
      instead: 'void 0',
      tests: ['config/config.test.ts'],
      red: 'and each such place is named',
    },
  ],
}
