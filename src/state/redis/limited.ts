export class TooLate extends Error {
  override readonly name = 'TooLate'
}

/** Rejects with TooLate when it takes longer. Keeps the process alive until then, for sockets do not, if somebody `waits`. */
export async function limited<T>(work: Promise<T>, most_ms: number, { waits } = { waits: true }): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new TooLate(`no answer within ${most_ms} ms`)), Math.max(0, most_ms))
    if (!waits) timer.unref()
  })
  try {
    return await Promise.race([work, limit])
  } finally {
    clearTimeout(timer)
  }
}
