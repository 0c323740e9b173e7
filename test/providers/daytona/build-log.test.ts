import { expect, test } from 'vitest'
import type { Api } from '../../../src/providers/daytona/api.ts'
import { followBuild } from '../../../src/providers/daytona/build-log.ts'
import type { Cloud } from '../../../src/providers/daytona/cloud.ts'
import { fail } from '../../../src/snapshots/errors.ts'
import type { Context } from '../../../src/snapshots/provider.ts'
import { silent } from '../../snapshots/world.ts'
import { handTime } from '../http/hand-time.ts'

/** What is told of a log that ends each connection in this way: after so many of its three lines, or at its end. */
async function told(...breaks: (number | 'end')[]): Promise<{ lines: string[]; opened: number }> {
  const lines: string[] = []
  let opened = 0
  const api: Pick<Api, 'logAddress' | 'logAt'> = {
    logAddress: async () => ({ url: 'https://logs.example' }),
    async *logAt() {
      const end = breaks[opened++]
      for (const [index, line] of ['one', 'two', 'three'].entries()) {
        if (index === end) throw fail('NETWORK', 'The other side closed.', 'Call again later.')
        yield line
      }
    },
  }
  const ctx: Context = {
    ...{ signal: new AbortController().signal, log: silent, operation: 'op_1' },
    progress: (_done, _total, message) => void lines.push(message),
  }
  const log = followBuild({ api, time: handTime() } as unknown as Cloud, 'id', ctx)
  await log.end()
  log.stop()
  return { lines, opened }
}

test('A log that breaks off is opened once more, and no line is told twice', async () => {
  expect(await told('end')).toEqual({ lines: ['one', 'two', 'three'], opened: 1 })
  for (const broken of [0, 1, 2])
    expect(await told(broken, 'end')).toEqual({ lines: ['one', 'two', 'three'], opened: 2 })
  expect(await told(1, 0, 'end')).toEqual({ lines: ['one'], opened: 2 })
  expect(await told(1, 2, 'end')).toEqual({ lines: ['one', 'two'], opened: 2 })
})
