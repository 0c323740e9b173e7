import { createHash, createHmac } from 'node:crypto'
import type { Exchange } from '../http.ts'

export interface Credentials {
  accessKey: string
  secret: string
  sessionToken: string
  region: string
}

/** A refusal of the object storage: its status, code and message. */
export interface StorageError {
  status: number
  code: string
  message: string
}

type Signed = Pick<Exchange, 'method' | 'path' | 'query' | 'headers'>

const DENIED = (message: string): StorageError => ({ status: 403, code: 'AccessDenied', message })

/**
 * Checks a request that is signed with AWS Signature Version 4 in its headers: key, token, scope, signature, and the hash
 * of the body where one is given. Follows the public description of the algorithm for S3 (path encoded once). The age of
 * the signature is not looked at, because the clock of the emulator need not be the clock of the client.
 */
export function checkSignature(x: Exchange, credentials: Credentials): StorageError | undefined {
  const given = parse(x.headers.authorization)
  if (!given) return DENIED('The request is not signed.')
  const [key, , region, service] = given.scope
  if (key !== credentials.accessKey)
    return {
      status: 403,
      code: 'InvalidAccessKeyId',
      message: 'The AWS Access Key Id you provided does not exist in our records.',
    }
  if (x.headers['x-amz-security-token'] !== credentials.sessionToken)
    return {
      status: 400,
      code: 'InvalidToken',
      message: 'The provided token is malformed or otherwise invalid.',
    }
  if (region !== credentials.region || service !== 's3')
    return {
      status: 400,
      code: 'AuthorizationHeaderMalformed',
      message: `The authorization header is malformed; expecting '${credentials.region}/s3'.`,
    }
  const missing = ['host', 'x-amz-content-sha256', 'x-amz-date', 'x-amz-security-token'].filter(
    (name) => !given.headers.includes(name),
  )
  if (missing.length > 0) return DENIED(`Headers that were not signed: ${missing.join(', ')}`)
  if (signatureOf(x, given.scope, given.headers, credentials.secret) !== given.signature)
    return {
      status: 403,
      code: 'SignatureDoesNotMatch',
      message: 'The request signature we calculated does not match the signature you provided.',
    }
  const hash = header(x, 'x-amz-content-sha256')
  if (/^[0-9a-f]{64}$/.test(hash) && hash !== sha256(x.raw))
    return {
      status: 400,
      code: 'XAmzContentSHA256Mismatch',
      message: "The provided 'x-amz-content-sha256' header does not match what was computed.",
    }
  return undefined
}

/** Of a request that is complete but for it. The scope begins with the id of the key. */
export function signatureOf(x: Signed, scope: string[], headers: string[], secret: string): string {
  const [, ...parts] = scope
  const toSign = ['AWS4-HMAC-SHA256', header(x, 'x-amz-date'), parts.join('/'), sha256(canonical(x, headers))]
  const key = parts.reduce<string | Buffer>((derived, part) => hmac(derived, part), `AWS4${secret}`)
  return hmac(key, toSign.join('\n')).toString('hex')
}

function parse(authorization = '') {
  const [algorithm, ...rest] = authorization.split(/[ ,]+/)
  const parts = Object.fromEntries(rest.map((part) => part.split(/=(.*)/s).slice(0, 2)))
  const { Credential, SignedHeaders, Signature } = parts as Record<string, string | undefined>
  if (algorithm !== 'AWS4-HMAC-SHA256' || !Credential || !SignedHeaders || !Signature) return undefined
  return { scope: Credential.split('/'), headers: SignedHeaders.split(';'), signature: Signature }
}

function canonical(x: Signed, signed: string[]): string {
  const path = x.path.split('/').map((part) => encode(decodeURIComponent(part)))
  const query = [...x.query].map(([name, value]) => `${encode(name)}=${encode(value)}`).sort()
  return [
    x.method,
    path.join('/'),
    query.join('&'),
    ...signed.map((name) => `${name}:${header(x, name)}`),
    '',
    signed.join(';'),
    header(x, 'x-amz-content-sha256'),
  ].join('\n')
}

function header(x: Signed, name: string): string {
  return String(x.headers[name] ?? '')
    .trim()
    .replace(/ +/g, ' ')
}

/** More than encodeURIComponent leaves alone. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest('hex')
const hmac = (key: string | Buffer, data: string) => createHmac('sha256', key).update(data).digest()
