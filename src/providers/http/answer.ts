import type { IncomingHttpHeaders } from 'node:http'
import type { Redact } from './redact.ts'
import type { Arrival, Failure } from './wire.ts'

/** An answer read to its end, without the secret. */
export interface Answer {
  status: number
  headers: IncomingHttpHeaders
  text: string
  /** The JSON value; undefined for an empty body, and for one that is something else, such as the page of a proxy. */
  body: unknown
}

export type Result = Answer | Failure

export const answered = (result: Result): result is Answer => 'status' in result

/** Whether a body came that is not JSON. */
export const foreign = ({ text, body }: Answer) => text !== '' && body === undefined

/** The signal is the one that the request was sent with. */
export async function readAnswer(
  { status, headers, body }: Arrival,
  signal: AbortSignal,
  maxBytes: number,
  redact: Redact,
): Promise<Result> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of body) {
      bytes += chunk.length
      if (bytes > maxBytes) return { why: 'oversized', sent: true }
      chunks.push(chunk)
    }
  } catch (cause) {
    return { why: signal.aborted ? 'stopped' : 'broken', sent: true, cause }
  }
  const text = Buffer.concat(chunks).toString('utf8')
  return { status, headers: redact(headers), text: redact(text), body: parse(text, redact) }
}

/** Also undefined for what is nested so deeply that nobody could look at it. */
function parse(text: string, redact: Redact): unknown {
  try {
    return redact(JSON.parse(text))
  } catch {
    return undefined
  }
}
