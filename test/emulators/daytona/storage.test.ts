import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { signatureOf } from './signature.ts'
import { type Served, serve } from './support.ts'

interface Changes {
  /** Instead of what the API handed out. */
  accessKey?: string
  secret?: string
  sessionToken?: string
  region?: string
  hash?: string
  /** Sent, but not signed. */
  headers?: Record<string, string>
}

/** A client of the storage with the credentials that the API hands out. */
async function client(served: Served) {
  const { body: access } = await served.get('/object-storage/push-access')
  return async (method: string, target: string, bytes?: Buffer, changes: Changes = {}) => {
    const { accessKey, secret, sessionToken, region } = { ...access, ...changes }
    const [path, query] = `/${access.bucket}${target}`.split('?') as [string, string?]
    const headers: Record<string, string> = {
      host: new URL(access.storageUrl).host,
      'x-amz-content-sha256':
        changes.hash ??
        createHash('sha256')
          .update(bytes ?? '')
          .digest('hex'),
      'x-amz-date': '20261121T100000Z',
      'x-amz-security-token': sessionToken,
    }
    const signed = Object.keys(headers)
    const scope = [accessKey, '20261121', region, 's3', 'aws4_request']
    const signature = signatureOf(
      { method, path, query: new URLSearchParams(query), headers },
      scope,
      signed,
      secret,
    )
    const authorization = `AWS4-HMAC-SHA256 Credential=${scope.join('/')}, SignedHeaders=${signed.join(';')}, Signature=${signature}`
    const reply = await fetch(`${access.storageUrl}${path}${query === undefined ? '' : `?${query}`}`, {
      method,
      headers: { ...headers, authorization, ...changes.headers },
      ...(bytes ? { body: new Uint8Array(bytes) } : {}),
    })
    return { status: reply.status, headers: reply.headers, text: await reply.text() }
  }
}

test('The signature is the one of the published example', () => {
  // From the S3 API reference, "Signature Calculations for the Authorization Header", the first example.
  const empty = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
  const signature = signatureOf(
    {
      method: 'GET',
      path: '/test.txt',
      query: new URLSearchParams(),
      headers: {
        host: 'examplebucket.s3.amazonaws.com',
        range: 'bytes=0-9',
        'x-amz-content-sha256': empty,
        'x-amz-date': '20130524T000000Z',
      },
    },
    ['AKIAIOSFODNN7EXAMPLE', '20130524', 'us-east-1', 's3', 'aws4_request'],
    ['host', 'range', 'x-amz-content-sha256', 'x-amz-date'],
    'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  )
  expect(signature).toBe('f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41')
})

describe('The object storage', () => {
  test('It is on another origin, and what is put there is there', async () => {
    const served = await serve()
    const call = await client(served)
    const key = `/${served.world.organizationId}/h1/context.tar`
    expect((await served.get('/object-storage/push-access')).body.storageUrl).not.toBe(served.url)
    expect(await call('HEAD', key)).toMatchObject({ status: 404 })
    expect((await call('GET', `?list-type=2&prefix=${key.slice(1)}`)).text).toContain(
      '<KeyCount>0</KeyCount>',
    )
    const bytes = Buffer.from([0, 255, 123, 34])
    const put = await call('PUT', key, bytes)
    expect([put.status, put.headers.get('etag')]).toEqual([
      200,
      `"${createHash('md5').update(bytes).digest('hex')}"`,
    ])
    expect(served.world.objects.objects.get(key.slice(1))).toEqual(bytes)
    expect((await call('HEAD', key)).headers.get('content-length')).toBe('4')
    const listed = await call('GET', `?list-type=2&prefix=${served.world.organizationId}%2Fh1%2F&max-keys=1`)
    expect(listed.text).toContain(`<Key>${key.slice(1)}</Key>`)
  })

  test('A list says when there is more', async () => {
    const served = await serve()
    const call = await client(served)
    for (const name of ['b', 'a'])
      await call('PUT', `/${served.world.organizationId}/${name}`, Buffer.from(name))
    const { text } = await call('GET', '?list-type=2&max-keys=1')
    expect(text).toMatch(/<KeyCount>1<.*<IsTruncated>true<.*<Key>[^<]*\/a</)
  })

  test('What is not signed right is refused, each fault with its own code', async () => {
    const served = await serve()
    const call = await client(served)
    const key = `/${served.world.organizationId}/h1/context.tar`
    const bytes = Buffer.from('x')
    for (const [changes, code] of [
      [{ accessKey: 'AKIA' }, 'InvalidAccessKeyId'],
      [{ secret: 'wrong' }, 'SignatureDoesNotMatch'],
      [{ sessionToken: 'wrong' }, 'InvalidToken'],
      [{ region: 'eu-west-1' }, 'AuthorizationHeaderMalformed'],
      [{ hash: '0'.repeat(64) }, 'XAmzContentSHA256Mismatch'],
      [{ headers: { 'x-amz-date': '20261122T000000Z' } }, 'SignatureDoesNotMatch'],
      [{ headers: { authorization: `Bearer ${served.key}` } }, 'AccessDenied'],
    ] as [Changes, string][])
      expect((await call('PUT', key, bytes, changes)).text).toContain(`<Code>${code}</Code>`)
    expect(served.world.objects.objects.size).toBe(0)
    expect((await call('PUT', key, bytes, { hash: 'UNSIGNED-PAYLOAD' })).status).toBe(200)
  })

  test('The credentials are good for the own prefix, and not for deleting', async () => {
    const served = await serve()
    const call = await client(served)
    const key = `/${served.world.organizationId}/one`
    await call('PUT', key, Buffer.from('x'))
    expect((await call('PUT', '/another/one', Buffer.from('x'))).text).toContain('AccessDenied')
    expect((await call('GET', '/another/one')).text).toContain('AccessDenied')
    expect((await call('DELETE', key)).text).toContain('AccessDenied')
    expect((await call('POST', key)).status).toBe(405)
    expect(served.world.objects.objects.size).toBe(1)
  })

  test('A large one can come in parts, in any order, and does not exist before the end', async () => {
    const served = await serve()
    const call = await client(served)
    const key = `/${served.world.organizationId}/large`
    const begun = await call('POST', `${key}?uploads=`)
    const id = /<UploadId>(.*)<\/UploadId>/.exec(begun.text)![1]
    await call('PUT', `${key}?partNumber=2&uploadId=${id}`, Buffer.from('two'))
    await call('PUT', `${key}?partNumber=1&uploadId=${id}`, Buffer.from('one'))
    expect((await call('HEAD', key)).status).toBe(404)
    expect(
      (await call('POST', `${key}?uploadId=${id}`, Buffer.from('<CompleteMultipartUpload/>'))).status,
    ).toBe(200)
    expect((await call('GET', key)).text).toBe('onetwo')
    expect((await call('POST', `${key}?uploadId=${id}`)).text).toContain('NoSuchUpload')
    const other = /<UploadId>(.*)<\/UploadId>/.exec((await call('POST', `${key}?uploads=`)).text)![1]
    expect((await call('DELETE', `${key}?uploadId=${other}`)).status).toBe(204)
  })

  test('One that a client sends in chunks of its own is put together', async () => {
    const served = await serve()
    const call = await client(served)
    const key = `/${served.world.organizationId}/chunked`
    const chunks = '5;chunk-signature=ab\r\nhello\r\n1\r\n!\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n'
    const headers = { 'content-encoding': 'aws-chunked' }
    await call('PUT', key, Buffer.from(chunks), { hash: 'STREAMING-UNSIGNED-PAYLOAD-TRAILER', headers })
    expect((await call('GET', key)).text).toBe('hello!')
  })
})
