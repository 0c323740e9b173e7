import type { Layer } from './mutant.ts'

export const surface: Layer = {
  name: 'L0 surface',
  mutants: [
    {
      without: 'read-only mode offers only what reads',
      file: 'mcp/list-tools.ts',
      find: "!readOnly || operation === 'read'",
      instead: 'true',
      tests: ['mcp/tool-list.test.ts'],
      red: 'read-only is not a matter of listing: the other tools do not exist',
    },
    {
      without: 'an unknown argument is an error',
      file: 'mcp/arguments.ts',
      find: 'schema.safeParse(raw ?? {})',
      instead: '(schema as any).strip().safeParse(raw ?? {})',
      tests: ['mcp/run-tool.test.ts'],
      red: 'an unknown key (G30) is INVALID_ARGUMENT',
    },
    {
      without: 'only what lies in the allowed directories',
      file: 'providers/local/roots.ts',
      find: 'if (!inside(real) || real !== path) throw outside()',
      instead: '',
      tests: ['providers/local/source.test.ts'],
      red: 'by a symlink',
    },
    {
      without: 'the operator allows these directories at most',
      file: 'config/roots.ts',
      find: 'if (allowed && ',
      instead: 'if (false && allowed && ',
      tests: ['config/policy.test.ts'],
      red: 'are the only ones, themselves and what lies in them',
    },
  ],
}
