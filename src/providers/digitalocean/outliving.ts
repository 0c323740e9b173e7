import type { Time } from '../http/time.ts'
import { ASSUMED } from './assumptions.ts'

/** A signal that is aborted half a minute after the given one, for what has to be put back. To be released. */
export function outliving(signal: AbortSignal, time: Time): { signal: AbortSignal; release(): void } {
  const own = new AbortController()
  let disarm = () => {}
  const abort = () => {
    disarm = time.after(ASSUMED.graceMs, () => own.abort())
  }
  signal.addEventListener('abort', abort, { once: true })
  if (signal.aborted) abort()
  return {
    signal: own.signal,
    release() {
      disarm()
      signal.removeEventListener('abort', abort)
    },
  }
}
