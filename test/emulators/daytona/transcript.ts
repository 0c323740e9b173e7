/** One line of what happened: a request with its answer, or what a look at the server showed meanwhile. */
export type Entry =
  | { kind: 'section'; title: string }
  | {
      kind: 'exchange'
      method: string
      /** Path and query. */
      target: string
      body: string | undefined
      status: number
      type: string
      answer: string
    }
  /** Of a snapshot; without a name, of the one that was spoken of last. */
  | { kind: 'snapshot'; name?: string; state: string; size: string; error: string; message: string }
  | { kind: 'sandbox'; state: string }

const REQUEST = /^### (?:-X (\w+) )?https?:\/\/[^/]+(\S+)(?: -H \S+ \S+)?(?: -d (.*))?$/
const STATUS = /^\[(\d{3})\] ?(.*)$/
const SNAPSHOT = /^ {3}state: (\S+) size (\S+) ref \S+ err (.*) \| msg (.*)$/
const SANDBOX = /^ {2}sandbox (\S+) /

/** Reads a record of exchanges with a running server. A line that it does not understand is an error. */
export function parseTranscript(text: string): Entry[] {
  const entries: Entry[] = []
  const lines = text.split('\n').slice(text.split('\n').findIndex((line) => line.startsWith('== ')))
  let name: string | undefined
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at]!
    const request = REQUEST.exec(line)
    const snapshot = SNAPSHOT.exec(line)
    const sandbox = SANDBOX.exec(line)
    if (line.startsWith('== ')) entries.push({ kind: 'section', title: line.slice(3) })
    else if (request) {
      const end = lines.findIndex((one, index) => index > at && STATUS.test(one))
      const [, status, type] = STATUS.exec(lines[end]!)!
      const [, method = 'GET', target, body] = request
      const answer = lines.slice(at + 1, end).join('\n')
      entries.push({
        kind: 'exchange',
        method,
        target: target!,
        body,
        status: Number(status),
        type: type!,
        answer,
      })
      at = end
    } else if (snapshot) {
      const [, state, size, error, message] = snapshot as unknown as [string, string, string, string, string]
      entries.push({ kind: 'snapshot', ...(name ? { name } : {}), state, size, error, message })
      name = undefined
    } else if (sandbox) entries.push({ kind: 'sandbox', state: sandbox[1]! })
    else if (/^ \S+$/.test(line)) name = line.trim()
    else if (line !== '') throw new Error(`not understood: ${line}`)
  }
  return entries
}

const UUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g

/**
 * Makes the answers of two servers comparable: what differs by nature gets a placeholder. Ids are numbered in order of
 * appearance, so that the same one has to appear in the same places on both sides.
 */
export function comparable(origins: Record<string, string>) {
  const ids: string[] = []
  const numbered = (id: string) => {
    if (!ids.includes(id)) ids.push(id)
    return `<id ${ids.indexOf(id)}>`
  }
  return {
    ids,
    of(text: string): string {
      let plain = text
      for (const [origin, placeholder] of Object.entries(origins))
        plain = plain.replaceAll(origin, placeholder)
      return plain
        .replace(UUID, numbered)
        .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, '<time>')
        .replace(/(DESTROYED_\S+?_)\d{13}/g, '$1<time>')
    },
  }
}

/** With its keys in one order. What was cut off in the record is left away. */
export function ordered(json: string): string {
  const sort = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(sort)
    if (typeof value !== 'object' || value === null) return value
    const pairs = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
    return Object.fromEntries(pairs.map(([key, one]) => [key, sort(one)]))
  }
  return JSON.stringify(sort(JSON.parse(json)), null, 1)
}
