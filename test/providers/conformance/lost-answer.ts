import type { EmulatorServer, Fault } from '../../emulators/http.ts'

/** Of the next request that may change something. The returned function tells whether there was one. */
export function loseNextAnswer({ faults }: Pick<EmulatorServer, 'faults'>): () => boolean {
  const fault: Fault = { when: ({ method }) => method !== 'GET', at: 'after', how: 'reset' }
  faults.push(fault)
  return () => !faults.includes(fault)
}
