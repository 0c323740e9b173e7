/**
 * A server of its own process, without its face, on the directory that it is given: answers each line of its input, an
 * operation and its arguments, with a line of its output, the reply or the problem. `charge` spends a create.
 */
import { createInterface } from 'node:readline'
import { toProblem } from '../../src/snapshots/errors.ts'
import { assemble, CALLER, call, type Destructive } from './assembled.ts'

export type Work = Destructive | 'charge'

const [dir, policy] = process.argv.slice(2) as [string, string]
const server = assemble(dir, { policy: JSON.parse(policy) })

async function perform(work: Work, fields: object): Promise<unknown> {
  if (work !== 'charge') return call(server, work, fields)
  return server.guard.charge({ principal: CALLER.principal, sources: ['local:path:/project'] }, CALLER)
}

for await (const line of createInterface({ input: process.stdin })) {
  const [work, fields] = JSON.parse(line) as [Work, object]
  const answer = await perform(work, fields).then(
    (reply) => ({ reply: reply ?? {} }),
    (error) => ({ problem: toProblem(error) }),
  )
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}
await server.service.close()
