import type { Fault } from '../emulators/http.ts'
import type { Trouble } from '../support/chaos-proxy.ts'

/** One thing that goes wrong, with the exchange of this number. */
export type Mishap = { name: string } & ({ wire: Trouble } | { vendor: Pick<Fault, 'at' | 'how'> })

const HTML = '<html><head><title>504 Gateway Time-out</title></head><body>nginx</body></html>'
const page = (status: number) => ({ status, raw: HTML, headers: { 'content-type': 'text/html' } })
const busy = (headers = {}) => ({
  status: 429,
  body: { id: 'too_many_requests', message: 'slow down' },
  headers,
})

export const MISHAPS: readonly Mishap[] = [
  { name: 'reset before the request', wire: { how: 'reset request', after: 0 } },
  { name: 'reset within the request', wire: { how: 'reset request', after: 40 } },
  { name: 'reset before the answer', wire: { how: 'reset answer', after: 0 } },
  { name: 'reset within the answer', wire: { how: 'reset answer', after: 60 } },
  { name: 'a truncated answer', wire: { how: 'truncate', after: 60 } },
  { name: 'a black hole', wire: { how: 'blackhole' } },
  { name: 'a lost answer', wire: { how: 'lose answer' } },
  { name: 'an answer in drops', wire: { how: 'drip' } },
  // In time that runs two hundred times as fast: 12 seconds, and more than anybody waits.
  { name: 'a slow answer', vendor: { at: 'after', how: { delay: 60 } } },
  { name: 'an answer that comes too late', vendor: { at: 'after', how: { delay: 400 } } },
  { name: '429 with a wait', vendor: { at: 'before', how: { answer: busy({ 'retry-after': '2' }) } } },
  { name: '429 without a wait', vendor: { at: 'before', how: { answer: busy() } } },
  { name: '429 for a year', vendor: { at: 'before', how: { answer: busy({ 'retry-after': '31536000' }) } } },
  {
    name: '429 for less than nothing',
    vendor: { at: 'before', how: { answer: busy({ 'retry-after': '-9' }) } },
  },
  { name: '500 before it is done', vendor: { at: 'before', how: { answer: { status: 500, body: {} } } } },
  { name: '502 with a page, after it is done', vendor: { at: 'after', how: { answer: page(502) } } },
  { name: '504 with a page, after it is done', vendor: { at: 'after', how: { answer: page(504) } } },
  { name: '200 with a page, after it is done', vendor: { at: 'after', how: { answer: page(200) } } },
]
