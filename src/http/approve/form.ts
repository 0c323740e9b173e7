import type { IncomingMessage } from 'node:http'
import { refuse } from '../refusal.ts'

/** Bytes. A token, of at most 4096 characters, is the longest thing in a form: sealed it has a third more. */
const MOST = 8192
const TYPE = 'application/x-www-form-urlencoded'

/**
 * A form that one of our own pages sent. Throws a Refusal: 403 from another page, 415, 413 and 408 for what is no form,
 * too long, or too slow to come within `ms`.
 */
export async function readForm(req: IncomingMessage, ms: number): Promise<URLSearchParams> {
  const { 'sec-fetch-site': from = 'none', 'content-type': type = '' } = req.headers
  if (from !== 'same-origin' && from !== 'none') throw foreign()
  if (type.split(';', 1)[0]?.trim().toLowerCase() !== TYPE) throw noForm()
  if (Number(req.headers['content-length']) > MOST) throw tooLong()
  return new URLSearchParams((await body(req, ms)).toString())
}

/** Read by its events, for ending an iteration early would take the connection and with it the answer away. */
function body(req: IncomingMessage, ms: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  let late: NodeJS.Timeout | undefined
  return new Promise<Buffer>((resolve, reject) => {
    late = setTimeout(() => reject(tooSlow()), ms)
    req.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > MOST) reject(tooLong())
      else chunks.push(chunk)
    })
    req.once('end', () => resolve(Buffer.concat(chunks)))
    req.once('error', () => reject(brokenOff()))
    req.once('close', () => reject(brokenOff()))
  }).finally(() => clearTimeout(late))
}

/** What was not read to its end must not be taken for the next request. */
const CLOSE = { headers: { connection: 'close' } }

const foreign = () =>
  refuse(
    403,
    [
      'FORBIDDEN',
      'The form was sent by another web page. Nothing was decided.',
      'Open the address of the approval yourself and decide there.',
    ],
    CLOSE,
  )

const noForm = () =>
  refuse(
    415,
    ['INVALID_ARGUMENT', 'That was no form. Nothing was decided.', `Send it as ${TYPE}, as a browser does.`],
    CLOSE,
  )

const tooLong = () =>
  refuse(
    413,
    [
      'INVALID_ARGUMENT',
      `The form is longer than ${MOST} bytes. Nothing was decided.`,
      'Check what was pasted into it.',
    ],
    CLOSE,
  )

const tooSlow = () =>
  refuse(408, ['TIMEOUT', 'The form did not arrive in time. Nothing was decided.', 'Send it again.'], CLOSE)

const brokenOff = () =>
  refuse(400, ['CANCELLED', 'The form was broken off. Nothing was decided.', 'Send it again.'], CLOSE)
