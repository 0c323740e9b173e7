/** Lets so many in at a time; the others wait in line. */
export interface Slots {
  /** Resolves with the way out. Rejects when the signal is aborted first. */
  enter(signal: AbortSignal): Promise<() => void>
}

export function createSlots(count: number): Slots {
  let free = count
  const line = new Set<() => void>()

  const leave = () => {
    const [next] = line
    if (!next) free++
    else {
      line.delete(next)
      next()
    }
  }
  return {
    async enter(signal) {
      signal.throwIfAborted()
      if (free > 0) free--
      else
        await new Promise<void>((resolve, reject) => {
          const admit = () => {
            signal.removeEventListener('abort', giveUp)
            resolve()
          }
          const giveUp = () => {
            line.delete(admit)
            reject(signal.reason)
          }
          line.add(admit)
          signal.addEventListener('abort', giveUp, { once: true })
        })
      return leave
    },
  }
}
