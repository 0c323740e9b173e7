import { mkdirSync, realpathSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { readBuild } from '../../../src/providers/daytona/build-context.ts'
import { refusal, temporaryDirectory } from '../../snapshots/world.ts'

vi.mock('../../../src/providers/daytona/assumptions.ts', async (original) => ({
  ...(await original<object>()),
  CONTEXT_LIMITS: { bytes: 100, files: 4 },
}))

test('A directory counts as a file does, for it is in the archive like one', async () => {
  const root = realpathSync(temporaryDirectory())
  writeFileSync(join(root, 'Dockerfile'), 'FROM debian:12\nCOPY all /x\n')
  const read = () => readBuild(join(root, 'Dockerfile'), undefined, new AbortController().signal)
  for (const name of ['a', 'b', 'c']) mkdirSync(join(root, 'all', name), { recursive: true })
  expect((await read()).context).toMatchObject({ warnings: [expect.stringContaining('of 0 files')] })
  mkdirSync(join(root, 'all/d'))
  expect((await refusal(read(), 'INVALID_ARGUMENT')).message).toContain('4 files and directories')
})
