import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'

/**
 * What node:http has, in the shapes that the SDK works with. The SDK's own adapter writes a parsed message out to have it
 * parsed once more, and sends every answer in pieces; both together cost a fifth of a short call.
 */

/** What is read of a request whose message is known: making a whole Request takes as long as finding the answer. */
type Carried = Pick<Request, 'method' | 'url' | 'headers' | 'signal'>

/** The request, with a signal that tells when its client is gone. Its body is not in it. */
export function webRequest(req: IncomingMessage, res: ServerResponse, message: unknown): Request {
  const gone = new AbortController()
  const leave = () => res.writableFinished || gone.abort()
  if (res.closed) leave()
  else res.once('close', leave)
  const headers = new Headers()
  for (const [name, value] of Object.entries(req.headers))
    for (const each of Array.isArray(value) ? value : [value ?? '']) headers.append(name, each)
  const { method = 'GET' } = req
  const url = `http://localhost${req.url}`
  const { signal } = gone
  // Without a message the SDK looks for one.
  if (message === undefined) return new Request(url, { method, headers, signal })
  const carried: Carried = { method, url, headers, signal }
  return carried as Request
}

/** Sends an answer as fast as its client takes it. What a client does not wait for is given up. */
export async function sendResponse(res: ServerResponse, response: Response): Promise<void> {
  const { status, body } = response
  const headers = Object.fromEntries(response.headers)
  if (body === null || !headers['content-type']?.startsWith('text/event-stream')) {
    const whole = Buffer.from(await response.arrayBuffer())
    res.writeHead(status, { ...headers, 'content-length': whole.length }).end(whole)
    return
  }
  res.writeHead(status, headers)
  // An answer that breaks off was given up by its client, or was ended with the server.
  await pipeline(body, res).catch(() => {})
}
