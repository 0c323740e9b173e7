import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { type Answer, type EmulatorServer, type Exchange, serveEmulator } from '../http.ts'
import { type Credentials, checkSignature, type StorageError } from './signature.ts'

/** What was uploaded, by key, and the credentials that the API hands out for it. */
export interface ObjectStore {
  readonly bucket: string
  readonly organizationId: string
  readonly credentials: Credentials
  readonly objects: Map<string, Buffer>
  /** Multipart uploads that are not complete: their parts by number. */
  readonly uploads: Map<string, Map<number, Buffer>>
}

export function objectStore(): ObjectStore {
  return {
    bucket: 'daytona-volume-builds',
    organizationId: randomUUID(),
    credentials: {
      accessKey: `ASIA${randomBytes(8).toString('hex').toUpperCase()}`,
      secret: randomBytes(30).toString('base64'),
      sessionToken: randomBytes(60).toString('base64'),
      region: 'us-east-1',
    },
    objects: new Map(),
    uploads: new Map(),
  }
}

/**
 * Serves the part of S3 that clients of the builder use: put, get and head an object, list by prefix, and multipart
 * uploads, with the bucket in the path. The credentials are good for the organisation's own prefix and nothing else.
 */
export function serveStorage(store: ObjectStore): Promise<EmulatorServer> {
  const handle = (x: Exchange): Answer => {
    const refusal = checkSignature(x, store.credentials)
    return refusal ? failure(x, refusal) : (operation(store, x) ?? failure(x, METHOD))
  }
  const methods = ['GET', 'PUT', 'POST', 'DELETE']
  return serveEmulator({
    routes: Object.fromEntries(methods.map((method) => [`${method} /{rest...}`, handle])),
    authorize: () => undefined,
    notFound: handle,
    // Whatever a body looks like, here it is bytes.
    badJson: handle,
  })
}

const METHOD = {
  status: 405,
  code: 'MethodNotAllowed',
  message: 'The specified method is not allowed against this resource.',
}
const DENIED = { status: 403, code: 'AccessDenied', message: 'Access Denied' }
const NO_BUCKET = { status: 404, code: 'NoSuchBucket', message: 'The specified bucket does not exist' }
const NO_KEY = { status: 404, code: 'NoSuchKey', message: 'The specified key does not exist.' }
const NO_UPLOAD = { status: 404, code: 'NoSuchUpload', message: 'The specified upload does not exist.' }

function operation(store: ObjectStore, x: Exchange): Answer | undefined {
  const [bucket, ...rest] = (x.params.rest ?? '').split('/')
  const key = rest.join('/')
  if (bucket !== store.bucket) return failure(x, NO_BUCKET)
  if (key === '') return x.method === 'GET' ? list(store, x) : undefined
  if (!key.startsWith(`${store.organizationId}/`)) return failure(x, DENIED)
  const upload = x.query.get('uploadId')
  if (upload !== null) return continueUpload(store, x, key, upload)
  if (x.method === 'POST') return x.query.has('uploads') ? beginUpload(store, key) : undefined
  if (x.method === 'PUT') return put(store, key, body(x))
  if (x.method === 'DELETE') return failure(x, DENIED)
  const bytes = store.objects.get(key)
  if (!bytes) return failure(x, NO_KEY)
  return {
    status: 200,
    raw: bytes,
    headers: { 'content-type': 'application/octet-stream', etag: etag(bytes) },
  }
}

function put(store: ObjectStore, key: string, bytes: Buffer): Answer {
  store.objects.set(key, bytes)
  return { status: 200, headers: { etag: etag(bytes) } }
}

function list(store: ObjectStore, { query }: Exchange): Answer {
  const prefix = query.get('prefix') ?? ''
  const most = Number(query.get('max-keys') ?? 1000)
  const found = [...store.objects]
    .filter(([key]) => key.startsWith(prefix))
    .sort(([a], [b]) => (a < b ? -1 : 1))
  const contents = found
    .slice(0, most)
    .map(([key, bytes]) => element('Contents', { Key: key, ETag: etag(bytes), Size: bytes.length }))
  const facts = { Name: store.bucket, Prefix: prefix, KeyCount: contents.length, MaxKeys: most }
  return xml(200, 'ListBucketResult', { ...facts, IsTruncated: found.length > most }, contents)
}

function beginUpload(store: ObjectStore, key: string): Answer {
  const id = randomUUID()
  store.uploads.set(id, new Map())
  return xml(200, 'InitiateMultipartUploadResult', { Bucket: store.bucket, Key: key, UploadId: id })
}

function continueUpload(store: ObjectStore, x: Exchange, key: string, id: string): Answer | undefined {
  const parts = store.uploads.get(id)
  if (!parts) return failure(x, NO_UPLOAD)
  if (x.method === 'PUT') {
    const bytes = body(x)
    parts.set(Number(x.query.get('partNumber')), bytes)
    return { status: 200, headers: { etag: etag(bytes) } }
  }
  if (x.method !== 'POST' && x.method !== 'DELETE') return undefined
  store.uploads.delete(id)
  if (x.method === 'DELETE') return { status: 204 }
  const inOrder = [...parts].sort(([a], [b]) => a - b).map(([, bytes]) => bytes)
  const whole = Buffer.concat(inOrder)
  put(store, key, whole)
  return xml(200, 'CompleteMultipartUploadResult', { Bucket: store.bucket, Key: key, ETag: etag(whole) })
}

/** Some clients send a stream in chunks of their own, each with its length in front, and checksums at the end. */
function body({ raw, headers }: Exchange): Buffer {
  if (!headers['content-encoding']?.includes('aws-chunked')) return raw
  const chunks: Buffer[] = []
  for (let at = 0; ; ) {
    const line = raw.indexOf('\r\n', at)
    const length = Number.parseInt(raw.toString('latin1', at, line), 16)
    if (!(length > 0)) return Buffer.concat(chunks)
    chunks.push(raw.subarray(line + 2, line + 2 + length))
    at = line + 2 + length + 2
  }
}

const etag = (bytes: Buffer) => `"${createHash('md5').update(bytes).digest('hex')}"`

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
const escaped = (text: string) => text.replace(/[&<>"]/g, (one) => ENTITIES[one]!)

type Facts = Record<string, string | number | boolean>

function element(name: string, facts: Facts, inner: string[] = []): string {
  const leaves = Object.entries(facts).map(([key, value]) => `<${key}>${escaped(String(value))}</${key}>`)
  return `<${name}>${[...leaves, ...inner].join('')}</${name}>`
}

function xml(status: number, name: string, facts: Facts, inner?: string[]): Answer {
  const raw = `<?xml version="1.0" encoding="UTF-8"?>\n${element(name, facts, inner)}`
  return { status, raw, headers: { 'content-type': 'application/xml' } }
}

function failure({ path }: Exchange, { status, code, message }: StorageError): Answer {
  return xml(status, 'Error', { Code: code, Message: message, Resource: path, RequestId: randomUUID() })
}
