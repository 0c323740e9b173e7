import { createLog } from '../../../src/log.ts'
import { createMenu } from '../../../src/mcp/list-tools.ts'
import { createQuestions } from '../../../src/mcp/question.ts'
import { serveOnStdio } from '../../../src/mcp/stdio.ts'
import { fakeService, SNAPSHOT } from './fake-service.ts'

/** A real process on real pipes with a service that misbehaves on request. */
const log = createLog({ level: 'debug', write: (line) => void process.stderr.write(line) })

const service = fakeService({
  async create() {
    // biome-ignore lint/suspicious/noConsole: the point of the test
    console.log('printed by a dependency')
    process.stdout.write('written by a dependency\n')
    await new Promise<void>((resolve) =>
      process.stdout.write(Buffer.from('with a callback\n'), () => resolve()),
    )
    return { status: 'done', operation: 'op_00000001', snapshot: SNAPSHOT }
  },
  /** Works until it is told to stop, then needs a moment to clean up. */
  diff: (_args, { signal }) =>
    new Promise((_resolve, reject) => {
      const busy = setInterval(() => {}, 1000)
      signal.addEventListener('abort', () => {
        setTimeout(() => {
          clearInterval(busy)
          log.info('Cleaned up')
          reject(signal.reason)
        }, 200)
      })
    }),
})

await serveOnStdio({
  service: async () => service,
  providers: ['local'],
  menu: createMenu({ providers: ['local'], openWorld: false, readOnly: false }),
  principal: 'local:1000',
  questions: createQuestions('local:1000', async () => new Uint8Array(32)),
  log,
})
log.info('Closed')
