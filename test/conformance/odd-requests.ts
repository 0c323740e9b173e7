import { expect } from 'vitest'
import { ENVELOPE, modern, type Raw } from './raw.ts'

/** A request that no good client sends, and what comes back however older clients are served. */
export interface OddRequest {
  title: string
  send: Raw
  status: number
  /** Part of the message. Its id is null where none could be told from what was sent. */
  answer?: object
}

const error = (code: number, id: number | null, data?: object) => ({
  id,
  error: { code, ...(data && { data }) },
})
const NOT_JSON = { status: 400, answer: error(-32_700, null) }
const NO_MESSAGE = { status: 400, answer: error(-32_600, null) }
const NO_GOOD_MESSAGE = { status: 400, answer: error(-32_600, 1) }
const NO_ENVELOPE = { status: 400, answer: error(-32_602, 1) }
const MISMATCH = { status: 400, answer: error(-32_020, 1) }
const TOO_LONG = { status: 413, answer: error(-32_000, null) }
const NOT_CALLED_JSON = { status: 415, answer: error(-32_000, null) }

const LIST = modern('tools/list')
const TEXT = String(LIST.body)

const body = (of: string | Buffer): Raw => ({ ...LIST, body: of })
const replaced = (part: string, by: string) => body(TEXT.replace(part, by))
const message = (change: object) => body(JSON.stringify({ ...JSON.parse(TEXT), ...change }))
const header = (name: string, value?: string): Raw => {
  const { [name]: _, ...others } = LIST.headers ?? {}
  return { ...LIST, headers: value === undefined ? others : { ...others, [name]: value } }
}
/** With arguments that JSON.stringify would not write. */
const call = (name: string, args: string): Raw => ({
  ...modern('tools/call', { name }),
  body: `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"${name}","arguments":${args},"_meta":${JSON.stringify(ENVELOPE)}}}`,
})
const resource = (id: string) => modern('resources/read', { uri: `snapshot://local/${id}` })

const NESTED = `${'['.repeat(50_000)}${']'.repeat(50_000)}`
const FIVE_MIB = Buffer.alloc(5 * 2 ** 20, ' ')

const REVISION: OddRequest[] = [
  {
    title: 'a revision that is not known',
    send: {
      headers: { ...LIST.headers, 'mcp-protocol-version': '2030-01-01' },
      body: TEXT.replace('2026-07-28', '2030-01-01'),
    },
    status: 400,
    answer: error(-32_022, 1, { supported: ['2026-07-28'], requested: '2030-01-01' }),
  },
  { title: 'no _meta', send: message({ params: {} }), ...NO_ENVELOPE },
  { title: 'no params', send: message({ params: undefined }), ...NO_ENVELOPE },
  {
    title: 'another method in the header than in the body',
    send: header('mcp-method', 'prompts/list'),
    ...MISMATCH,
  },
  { title: 'no method in the header', send: header('mcp-method'), ...MISMATCH },
  {
    title: 'another revision in the header than in the body',
    send: header('mcp-protocol-version', '2025-11-25'),
    ...MISMATCH,
  },
  {
    title: 'another tool in the header than in the body',
    send: modern('tools/call', { name: 'snapshot_list', arguments: {} }, { 'mcp-name': 'snapshot_get' }),
    ...MISMATCH,
  },
]

const NOT_THERE: OddRequest[] = [
  {
    title: 'a method that there is not',
    send: modern('no/such'),
    status: 404,
    answer: error(-32_601, 1),
  },
  {
    title: 'a method that older revisions had',
    send: modern('resources/subscribe', { uri: 'snapshot://local/a' }),
    status: 404,
    answer: error(-32_601, 1),
  },
  {
    title: 'a tool that there is not',
    send: modern('tools/call', { name: 'no_such', arguments: {} }),
    status: 200,
    answer: error(-32_602, 1),
  },
  {
    title: 'a resource that there is not',
    send: resource('abcd'),
    status: 200,
    answer: error(-32_602, 1, { uri: 'snapshot://local/abcd' }),
  },
  {
    title: 'a resource of ten thousand commas',
    send: resource(','.repeat(10_000)),
    status: 200,
    answer: error(-32_602, 1),
  },
  { title: 'a header of fifty thousand commas', send: resource(','.repeat(50_000)), status: 431 },
]

const MESSAGES: OddRequest[] = [
  { title: 'a batch', send: body(`[${TEXT},${TEXT}]`), ...NO_MESSAGE },
  { title: 'an empty batch', send: body('[]'), ...NO_MESSAGE },
  { title: 'null for an id', send: message({ id: null }), ...NO_MESSAGE },
  { title: 'an object for an id', send: message({ id: {} }), ...NO_MESSAGE },
  { title: 'an id that is infinite once it is read', send: replaced('"id":1', '"id":1e400'), ...NO_MESSAGE },
  { title: 'a text', send: body('"tools/list"'), ...NO_MESSAGE },
  { title: 'a number', send: body('7'), ...NO_MESSAGE },
  { title: 'null', send: body('null'), ...NO_MESSAGE },
  { title: 'an answer to nothing', send: body('{"jsonrpc":"2.0","id":1,"result":{}}'), ...NO_MESSAGE },
  { title: 'another version of JSON-RPC', send: message({ jsonrpc: '1.0' }), ...NO_GOOD_MESSAGE },
  {
    title: 'a key __proto__ beside the method',
    send: replaced('"id":1', '"id":1,"__proto__":{"method":"no/such"}'),
    ...NO_GOOD_MESSAGE,
  },
  {
    title: 'a key __proto__ among arguments, which is as if it were not there',
    send: call('snapshot_list', '{"__proto__":{"limit":"none"}}'),
    status: 200,
    answer: { id: 1, result: { structuredContent: { items: [] } } },
  },
  {
    title: 'a key twice, of which the last counts',
    send: replaced('"id":1', '"method":"no/such","id":2,"id":1'),
    status: 200,
    answer: { id: 1, result: { tools: expect.any(Array) } },
  },
  {
    title: 'twenty thousand arguments',
    send: call('snapshot_delete', `{"snapshots":[${Array(20_000).fill('"local:a"')}]}`),
    status: 200,
    answer: { id: 1, result: { isError: true } },
  },
]

const BODIES: OddRequest[] = [
  { title: 'JSON that ends in the middle', send: body('{"jsonrpc":'), ...NOT_JSON },
  { title: 'an empty body', send: body(''), ...NOT_JSON },
  { title: 'a byte order mark before the JSON', send: body(`\ufeff${TEXT}`), ...NOT_JSON },
  {
    title: 'bytes that are not UTF-8',
    send: body(Buffer.from(TEXT.replace('by hand', '\xff'), 'latin1')),
    ...NOT_JSON,
  },
  { title: 'fifty thousand levels of JSON', send: call('snapshot_list', NESTED), ...NOT_JSON },
  { title: 'five MiB, as was said before', send: body(FIVE_MIB), ...TOO_LONG },
  { title: 'five MiB, as was not said before', send: { ...body(FIVE_MIB), chunked: true }, ...TOO_LONG },
  { title: 'JSON that is called plain text', send: header('content-type', 'text/plain'), ...NOT_CALLED_JSON },
  { title: 'JSON that is called nothing', send: header('content-type'), ...NOT_CALLED_JSON },
]

export const ODD_REQUESTS = [...REVISION, ...NOT_THERE, ...MESSAGES, ...BODIES]
