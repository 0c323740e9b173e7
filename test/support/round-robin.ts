import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface RoundRobin {
  /** Origin, without a slash at the end. */
  origin: string
  /** How many requests each of the replicas was given. */
  readonly counts: readonly number[]
  close(): Promise<void>
}

/** A proxy on 127.0.0.1 that gives each request to the next replica, and lets none of them stick to a client. */
export async function roundRobin(origins: readonly string[]): Promise<RoundRobin> {
  const counts = origins.map(() => 0)
  let turn = 0

  function passOn(req: IncomingMessage, res: ServerResponse) {
    const at = turn++ % origins.length
    counts[at]!++
    const { method, headers, url } = req
    const onward = request(
      new URL(url!, origins[at]),
      { method: method!, headers, agent: false },
      (answer) => {
        res.writeHead(answer.statusCode!, answer.headers)
        // What the replica has said it has said, even if nothing follows for a while.
        res.flushHeaders()
        answer.pipe(res)
        answer.once('error', () => res.destroy())
      },
    )
    onward.once('error', () => {
      if (res.headersSent) res.destroy()
      else res.writeHead(502).end()
    })
    // Whoever hangs up here hangs up there.
    res.once('close', () => onward.destroy())
    req.pipe(onward)
  }

  const server = createServer(passOn)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    counts,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
