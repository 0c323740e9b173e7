import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'

/** A line is cut off here: what is longer is no text for people. In characters. */
const LONGEST = 8192

/** The lines of a text in UTF-8 as they come in, without their ends. What follows the last end is a line, too. */
export async function* linesOf(body: Readable): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  for await (const chunk of body) {
    const lines = (rest + decoder.write(chunk)).split('\n')
    // Cut also while it grows, so that a text without an end cannot fill the memory.
    rest = lines.pop()!.slice(0, LONGEST + 1)
    for (const line of lines) yield whole(line)
  }
  rest += decoder.end()
  if (rest !== '') yield whole(rest)
}

const whole = (line: string) => line.replace(/\r$/, '').slice(0, LONGEST)
