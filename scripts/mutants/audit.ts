import type { Layer } from './mutant.ts'

const AUDITED = ['guard/audited.test.ts']

export const audit: Layer = {
  name: 'L5 audit',
  mutants: [
    {
      without: 'nothing runs before its line is written',
      file: 'guard/audited.ts',
      find: "if (verdict.kind === 'proceed') return witnessed(verdict, about)",
      instead: "if (verdict.kind === 'proceed') return verdict",
      tests: AUDITED,
      red: 'is on the disk before it runs, and so is its end afterwards',
    },
    {
      without: 'what cannot be written does not run',
      file: 'guard/audited.ts',
      find: 'throw notChecked(error)',
      instead: '',
      tests: AUDITED,
      red: 'does not run when its line cannot be written',
    },
    {
      without: 'how it ended is written',
      file: 'guard/audited.ts',
      find: "await tell({ event: 'ended', ...about, outcome })",
      instead: '',
      tests: AUDITED,
      red: 'is on the disk before it runs, and so is its end afterwards',
    },
    {
      without: 'a refusal is written',
      file: 'guard/audited.ts',
      find: "await tell({ event: 'refused',",
      instead: 'void ({',
      tests: AUDITED,
      red: 'is on record with the layer that refused it: the policy',
    },
    {
      without: 'each line is chained to the one before',
      file: 'guard/audit/entry.ts',
      find: 'prev: before.hash',
      instead: 'prev: START.hash',
      tests: ['guard/audit.test.ts'],
      red: 'says what was decided, when, and which entry it follows',
    },
    {
      without: 'a changed line is found',
      file: 'guard/audit/entry.ts',
      find: 'digest(content) === hash &&',
      instead: '',
      tests: ['guard/audit/verify.test.ts'],
      red: 'change any byte to any other',
    },
    {
      without: 'a missing line is found',
      file: 'guard/audit/verify.ts',
      find: 'if (seq > before.seq + 1) return',
      instead: 'if (false) return',
      tests: ['guard/audit/verify.test.ts'],
      red: 'entries that are missing',
    },
    {
      without: 'a cut at the end is found',
      file: 'guard/audit/verify.ts',
      find: 'if (head && head.seq > before.seq)',
      instead: 'if (false)',
      tests: ['guard/audit/verify.test.ts'],
      red: 'cut it at the end of any line',
    },
    {
      without: 'a line is on the disk before its call runs',
      file: 'guard/audit.ts',
      find: 'await fsync(file.fd)',
      instead: '',
      tests: ['guard/flush.test.ts'],
      red: 'is no line of the audit log',
    },
  ],
}
