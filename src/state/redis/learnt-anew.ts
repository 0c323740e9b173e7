/** A copy comes, a clock is set, a setting is changed: what was learnt about a Redis is true for now. */
const EVERY_MS = 60_000

/** What was learnt, or what is learnt now if that is too long ago. Everybody who asks meanwhile waits for the new. */
export function learntAnew<T>(learn: () => Promise<T>): () => Promise<T> {
  let last: Promise<T> | undefined
  let since = 0
  return () => {
    const now = performance.now()
    if (!last || now - since > EVERY_MS) {
      since = now
      last = learn()
    }
    return last
  }
}
