import type { Layer } from './mutant.ts'

const LOCKS = ['state/locks.test.ts']
const RECORDS = ['state/file-store.test.ts']

export const state: Layer = {
  name: 'state',
  mutants: [
    {
      without: 'a lock is taken over only when its holder is gone',
      file: 'state/locks.ts',
      find: 'if (isCheckable(holder)) return hasEnded(holder)',
      instead: 'if (isCheckable(holder)) return true',
      tests: LOCKS,
      red: 'of a living process is not',
    },
    {
      without: 'a holder that cannot be looked up is given a minute',
      file: 'state/locks.ts',
      find: 'clock() - lastSign > SILENCE_MS',
      instead: 'true',
      tests: LOCKS,
      red: 'is taken over after a minute of silence',
    },
    {
      without: 'a pid that was given to another process fools nobody',
      file: 'state/runner.ts',
      find: 'started !== runner.start_time',
      instead: 'false',
      tests: LOCKS,
      red: 'of a process whose pid was given to another one is taken over',
    },
    {
      without: 'who lost a lock can tell',
      file: 'state/locks.ts',
      find: 'return current?.version === fence && holderOf(current)?.token === token',
      instead: 'return true',
      tests: ['guard/guard.test.ts'],
      red: 'a grant whose target was taken over is BUSY',
    },
    {
      without: 'of all who write a version one does',
      file: 'state/records.ts',
      find: 'fs.linkSync(temporary',
      instead: 'fs.renameSync(temporary',
      tests: RECORDS,
      red: 'lets exactly one of many writers win',
    },
    {
      without: 'a record is on the disk before it counts',
      file: 'state/records.ts',
      find: 'if (durable) await fsync(handle)',
      instead: '',
      tests: ['guard/flush.test.ts'],
      red: 'is no record: neither a plan nor the claim of one',
    },
    {
      without: "who slept through a record's later versions loses",
      file: 'state/records.ts',
      find: '!present.includes(after)',
      instead: 'false',
      tests: RECORDS,
      red: 'a sleeper whose predecessor is trimmed',
    },
  ],
}
