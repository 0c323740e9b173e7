import type { IncomingMessage } from 'node:http'
import { isJSONRPCNotification, isJSONRPCResponse, isJsonContentType } from '@modelcontextprotocol/server'
import { refuse } from './refusal.ts'

/**
 * The most that is kept, whatever is declared (bytes); beyond it a Refusal (413). The rest is then thrown away as it
 * comes, for as long as a request may take: a client that still sends would not get an answer before its connection ends.
 */
export async function readBody(req: IncomingMessage, most: number): Promise<Buffer> {
  if (Number(req.headers['content-length']) > most) throw tooLarge(most)
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = []
    let length = 0
    req.on('data', (part: Buffer) => {
      const isIn = length <= most
      length += part.length
      if (length <= most) parts.push(part)
      else if (isIn) reject(tooLarge(most))
    })
    req.on('end', () => resolve(Buffer.concat(parts)))
    req.on('error', reject)
    // One that hangs up before the end is waited for by nobody.
    req.on('close', () => req.complete || reject(new Error('the request was broken off')))
  })
}

/**
 * The JSON of a message or a batch; undefined for what the SDK has an answer of its own to. A Refusal (400) for what is
 * no JSON, or too much of it.
 */
export async function readMessage(req: IncomingMessage, most: number): Promise<unknown> {
  if (req.method !== 'POST' || !isJsonContentType(req.headers['content-type'] ?? '')) return undefined
  const message = parse(await readBody(req, most))
  if (Array.isArray(message) && message.length > BATCH)
    throw refuse(400, [
      'INVALID_ARGUMENT',
      `The batch has more than ${BATCH} messages. Nothing was done.`,
      'Send them one by one.',
    ])
  if (isDeeper(message, DEPTH))
    throw refuse(400, [
      'INVALID_ARGUMENT',
      `The body is nested more than ${DEPTH} levels deep. Nothing was done.`,
      'Send one JSON-RPC message.',
    ])
  return message
}

/** Whether it asks for something, or is no message at all: responses and notifications belong to what has begun. */
export const hasRequest = (message: unknown): boolean =>
  Array.isArray(message)
    ? message.some(hasRequest)
    : !isJSONRPCNotification(message) && !isJSONRPCResponse(message)

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(UTF8.decode(body))
  } catch {
    throw refuse(400, [
      'INVALID_ARGUMENT',
      'The body is not JSON in UTF-8. Nothing was done.',
      'Send one JSON-RPC message.',
    ])
  }
}

/** A batch is let in as one request, so its messages must not be many. */
const BATCH = 10

/** No message needs as many levels, and what walks one by recursion comes to the end of its stack at some thousand. */
const DEPTH = 100

const isDeeper = (value: unknown, levels: number): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1)))

/** Bytes that are no text are refused, and a mark at the beginning as well: others might read another text. */
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const tooLarge = (most: number) =>
  refuse(
    413,
    [
      'INVALID_ARGUMENT',
      `The body is longer than ${most} bytes, and was not read. Nothing was done.`,
      'Send less in one call.',
    ],
    { kind: 'body' },
  )
