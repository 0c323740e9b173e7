import type { Answer, Exchange } from './http.ts'

/**
 * Switchable trouble: `when` picks the exchanges, `times` says how many (default 1). A fault that is used up leaves the
 * list, so that a test can see whether it was met.
 */
export interface Fault {
  when(exchange: Exchange): boolean
  times?: number
  /** Instead of handling the request, or after it took effect but in place of its answer. A delay only postpones. */
  at: 'before' | 'after'
  /**
   * `reset` ends the connection, `hang` never answers, `truncate` promises a body and breaks off in the middle of it;
   * delays are in real milliseconds.
   */
  how: 'reset' | 'hang' | 'truncate' | { answer: Answer } | { delay: number }
}

/** The first fault that meets this exchange at this moment, counted down. */
export function takeFault(faults: Fault[], at: Fault['at'], exchange: Exchange): Fault['how'] | undefined {
  const index = faults.findIndex((fault) => fault.at === at && fault.when(exchange))
  const fault = faults[index]
  if (!fault) return undefined
  fault.times = (fault.times ?? 1) - 1
  if (fault.times <= 0) faults.splice(index, 1)
  return fault.how
}
