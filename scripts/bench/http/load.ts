import { type ChildProcess, fork } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { Job, Outcome } from './generator.ts'

/** Sends load from a process of its own, so that what it costs to send and to check is not taken from what is measured. */
export interface Load {
  /** Rejects with the first answer that is not what it should be. */
  send(job: Job): Promise<Outcome>
}

const GENERATOR = fileURLToPath(new URL('generator.ts', import.meta.url))

export function startLoad(signal: AbortSignal): Load {
  const tsx = createRequire(import.meta.url).resolve('tsx')
  const child = fork(GENERATOR, { execArgv: ['--import', tsx], signal })
  child.on('error', () => {})
  return {
    async send(job) {
      signal.throwIfAborted()
      const answer = await nextOf(child, () => child.send(job))
      if ('error' in answer) throw new Error(answer.error)
      return answer
    },
  }
}

function nextOf(child: ChildProcess, ask: () => void): Promise<Outcome | { error: string }> {
  return new Promise((resolve, reject) => {
    const gone = () => reject(new Error('the load generator ended'))
    child.once('exit', gone)
    child.once('message', (answer) => {
      child.off('exit', gone)
      resolve(answer as Outcome)
    })
    ask()
  })
}
