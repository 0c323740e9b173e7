import { Transform, type Writable } from 'node:stream'

/** The longest line that is a message, in bytes, its line feed not counted. */
export const LINE_LIMIT = 10 * 2 ** 20

/** Above this many bytes, what looks like an object is left to the transport: parsing it twice would be felt. */
const PARSED_HERE = 2 ** 20

const LINE_FEED = 0x0a
const NOTHING = Buffer.alloc(0)
const PARSE_ERROR = -32_700
const INVALID_REQUEST = -32_600

/**
 * Stands between stdin and the transport, which gives up at a line over its limit and drops broken JSON without a
 * word. Lets through, one whole line a chunk, what can be a message; answers the rest on `answers` with a JSON-RPC
 * error; holds at most one line. Works on bytes, so that no character is cut where chunks meet.
 */
export function createLineGuard(answers: Writable): Transform {
  /** The beginning of a line whose end has not come yet: the first `length` bytes. */
  let held = NOTHING
  let length = 0
  /** Inside a line that was refused for its length. */
  let skipping = false

  function hold(part: Buffer): void {
    if (length + part.length > held.length) {
      // Twice the size each time, so that a line that comes byte by byte is not copied for every byte.
      const larger = Buffer.allocUnsafe(Math.max(2 * length, length + part.length))
      held.copy(larger, 0, 0, length)
      held = larger
    }
    length += part.copy(held, length)
  }

  function release(): Buffer {
    const line = held.subarray(0, length)
    held = NOTHING
    length = 0
    return line
  }

  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      let clear = true
      const refuse = (code: number, message: string) => {
        const error = { jsonrpc: '2.0', id: null, error: { code, message } }
        clear = answers.write(`${JSON.stringify(error)}\n`) && clear
      }
      for (const part of partsOf(chunk)) {
        const ended = part.at(-1) === LINE_FEED
        if (!skipping && length + part.length > LINE_LIMIT + (ended ? 1 : 0)) {
          skipping = true
          release()
          refuse(PARSE_ERROR, `Parse error: a line is longer than ${LINE_LIMIT} bytes`)
        }
        if (skipping) {
          skipping = !ended
          continue
        }
        if (!ended || length > 0) hold(part)
        if (!ended) continue
        const line = length > 0 ? release() : part
        const verdict = judge(line)
        if (verdict === 'message') this.push(line)
        else if (verdict !== 'blank') refuse(...verdict)
      }
      // Who sends nonsense and does not read the answers has to wait.
      if (clear) done()
      else answers.once('drain', done)
    },
  })
}

/** What lies between line feeds, each with the line feed that ends it. */
function* partsOf(chunk: Buffer): Generator<Buffer> {
  for (let start = 0; start < chunk.length; ) {
    const end = chunk.indexOf(LINE_FEED, start) + 1 || chunk.length
    yield chunk.subarray(start, end)
    start = end
  }
}

function judge(line: Buffer): 'message' | 'blank' | [code: number, message: string] {
  if (line.length > PARSED_HERE && looksLikeObject(line)) return 'message'
  const text = line.toString()
  if (text.trim() === '') return 'blank'
  try {
    const value: unknown = JSON.parse(text)
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isObject ? 'message' : [INVALID_REQUEST, 'Invalid Request: a message is one JSON object']
  } catch {
    return [PARSE_ERROR, 'Parse error: a line is not JSON']
  }
}

const EDGE = 64
const looksLikeObject = (line: Buffer) =>
  /^\s*\{/.test(line.toString('latin1', 0, EDGE)) &&
  /\}\s*$/.test(line.toString('latin1', line.length - EDGE))
