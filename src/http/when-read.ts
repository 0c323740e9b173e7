/**
 * The response, and news of when it was read or given up: once, though who gives up ends what is being read as well.
 * `first` goes in front of it.
 */
export function whenRead(response: Response, tell: () => void, first?: Uint8Array): Response {
  if (response.body === null) {
    tell()
    return response
  }
  let isDone = false
  const done = () => {
    if (!isDone) tell()
    isDone = true
  }
  const reader = response.body.getReader()
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => first && controller.enqueue(first),
    async pull(controller) {
      const next = await reader.read().catch((error: unknown) => {
        done()
        throw error
      })
      if (!next.done) return controller.enqueue(next.value)
      done()
      controller.close()
    },
    cancel(reason) {
      done()
      return reader.cancel(reason)
    },
  })
  return new Response(body, { status: response.status, headers: response.headers })
}
