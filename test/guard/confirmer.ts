import { setTimeout as sleep } from 'node:timers/promises'
import { createGuard } from '../../src/guard/guard.ts'
import type { GuardRequest } from '../../src/guard/guard-api.ts'
import { toProblem } from '../../src/snapshots/errors.ts'
import { createFileStore } from '../../src/state/file-store.ts'

/** A process of its own: makes plans, or confirms the given ones. Prints a line for each: a confirmation or an outcome. */
const [directory = '', what, ...rest] = process.argv.slice(2)
const state = createFileStore({ directory, clock: Date.now })
const log = { debug() {}, info() {}, warn() {}, error() {} }
const policy = () => ({ read_only: false, delete: 'permanent' as const })
const guard = createGuard({ state, mode: 'token', policy, clock: Date.now, log })
const caller = { principal: 'ann', signal: new AbortController().signal, progress() {}, canAsk: false }

const request = (number: number, confirmation?: string): GuardRequest<undefined> => ({
  type: 'delete',
  provider: 'memory',
  targets: [`memory:${number}`],
  args: { snapshots: [`memory:${number}`] },
  confirmation,
  confirm: 'always',
  operation: `op_${process.pid}0${number}`.padEnd(12, '0'),
  plan: async () => ({
    what: undefined,
    view: { summary: 'Delete', effects: {}, reversible: true, warnings: [] },
    fingerprint: 'same',
    lock: `memory:${number}`,
    subject: 'memory:x',
  }),
})

async function confirm(number: number, confirmation: string): Promise<string> {
  try {
    const verdict = await guard.authorize(request(number, confirmation), caller)
    if (verdict.kind !== 'proceed') return verdict.kind
    await sleep(1)
    await verdict.settle('done')
    return 'ran'
  } catch (error) {
    return toProblem(error).code
  }
}

const lines: string[] = []
if (what === 'plan') {
  for (let number = 0; number < Number(rest[0]); number++) {
    const verdict = await guard.authorize(request(number), caller)
    lines.push(verdict.kind === 'reply' ? (verdict.reply.confirmation ?? '') : verdict.kind)
  }
} else {
  for (const [number, confirmation] of rest.entries()) lines.push(await confirm(number, confirmation))
}
process.stdout.write(lines.join('\n'))
