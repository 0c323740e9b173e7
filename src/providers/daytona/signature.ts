import { createHash, createHmac } from 'node:crypto'

/** Temporary keys of an S3 storage. */
export interface Credentials {
  accessKey: string
  secret: string
  sessionToken: string
  region: string
}

export interface Unsigned {
  method: string
  url: URL
  /** In hex. */
  bodySha256: string
}

/**
 * The headers of a request to S3, signed with AWS Signature Version 4 ("Authenticating Requests: Using the
 * Authorization Header" in the S3 API reference). The path has to be encoded already; there is no query.
 */
export function signedHeaders(
  { method, url, bodySha256 }: Unsigned,
  { accessKey, secret, sessionToken, region }: Credentials,
  now: number,
): Record<string, string> {
  const time = new Date(now).toISOString().replace(/[-:]|\.\d{3}/g, '')
  const headers: Record<string, string> = {
    host: url.host,
    'x-amz-content-sha256': bodySha256,
    'x-amz-date': time,
    'x-amz-security-token': sessionToken,
  }
  const names = Object.keys(headers).join(';')
  const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}`)
  const request = [method, url.pathname, '', ...lines, '', names, bodySha256].join('\n')
  const scope = [time.slice(0, 8), region, 's3', 'aws4_request']
  const text = ['AWS4-HMAC-SHA256', time, scope.join('/'), sha256(request)].join('\n')
  const key = scope.reduce<string | Buffer>((derived, part) => hmac(derived, part), `AWS4${secret}`)
  const signature = hmac(key, text).toString('hex')
  const credential = [accessKey, ...scope].join('/')
  return {
    ...headers,
    authorization: `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${names}, Signature=${signature}`,
  }
}

export const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest('hex')
const hmac = (key: string | Buffer, data: string) => createHmac('sha256', key).update(data).digest()
