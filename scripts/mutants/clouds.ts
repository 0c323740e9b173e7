import type { Layer } from './mutant.ts'

const AGREED = ['snapshots/agreed-create.test.ts']
const RESUME = ['snapshots/resume.test.ts']

/** Creates that do something to their source, and work that outlives its process. */
export const clouds: Layer = {
  name: 'Creates that are agreed to, and work that is taken up',
  mutants: [
    {
      without: 'what a create would do to its source is shown first',
      file: 'snapshots/create.ts',
      find: 'if (isAnswer || (await provider.planCreate?.(request, ctx))) return createKnowingly(call)',
      instead: '',
      tests: AGREED,
      red: 'tells its plan, changes nothing',
    },
    {
      without: 'it is looked at again with the source locked',
      file: 'snapshots/create.ts',
      find: 'if (plan && plan.fingerprint !== agreed?.fingerprint) throw planAppeared(plan)',
      instead: '',
      tests: AGREED,
      red: 'something to agree to only once its turn has come',
    },
    {
      without: 'an answer counts, also where nobody need be asked any more',
      file: 'snapshots/create.ts',
      find: 'if (isAnswer || (await',
      instead: 'if ((await',
      tests: AGREED,
      red: 'a no is a no',
    },
    {
      without: 'what seemed a repeat and is none has to be agreed to',
      file: 'snapshots/create.ts',
      find: 'if (repeats) return undefined',
      instead: '',
      tests: AGREED,
      red: 'a repeat of a call that came to nothing',
    },
    {
      without: 'only what was begun in this account is taken up',
      file: 'snapshots/resume.ts',
      find: ' && operation.account === account',
      instead: '',
      tests: RESUME,
      red: 'what was begun in another account',
    },
    {
      without: 'nobody takes up what somebody works on',
      file: 'snapshots/resume.ts',
      find: 'if (!own) return true',
      instead: 'if (!own) void 0',
      tests: RESUME,
      red: 'whose process cannot be seen from here',
    },
    {
      without: 'what is a day old is left to people',
      file: 'snapshots/resume.ts',
      find: ' && now - operation.started_at <= OLDEST_MS',
      instead: '',
      tests: RESUME,
      red: 'what was begun a day ago',
    },
    {
      without: 'a server that may change nothing takes nothing up',
      file: 'snapshots/resume.ts',
      find: ' && guard.mayChange(provider.name)',
      instead: '',
      tests: RESUME,
      red: 'a server that may change nothing leaves it to another',
    },
    {
      without: 'what a provider needs to find it again is on record before it is sent',
      file: 'snapshots/execute.ts',
      find: 'run.note({ facts })',
      instead: 'Promise.resolve()',
      tests: RESUME,
      red: 'is taken up by the next server',
    },
  ],
}
