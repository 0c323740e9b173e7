import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { copiedPaths } from '../../../src/providers/daytona/dockerfile.ts'
import { dockerignore } from '../../../src/providers/daytona/dockerignore.ts'
import { signedHeaders } from '../../../src/providers/daytona/signature.ts'
import { tarOf } from '../../../src/providers/daytona/tar.ts'
import { checkSignature } from '../../emulators/daytona/signature.ts'
import { readTar } from '../../emulators/daytona/tar.ts'
import { refusal } from '../../snapshots/world.ts'

describe('What a Dockerfile copies', () => {
  test.for([
    ['COPY a b /x', ['a', 'b']],
    ['copy --chown=1:1 --chmod=755 a /x', ['a']],
    ['ADD ["a b", "c", "/x"]', ['a b', 'c']],
    ['COPY "a b" c\\ d /x', ['a b', 'c d']],
    ['COPY a \\\n  # aside\n\n  b \\\n /x', ['a', 'b']],
    ['# escape=`\nFROM x\nCOPY a `\n b /x', ['a', 'b']],
    ['COPY --from=build /a /b\nCOPY --link --from=0 c /d', []],
    ['ADD https://example.com/a.tar git@github.com:a/b.git /x', []],
    ['COPY <<EOF /x\nCOPY not this\nEOF\nCOPY a /x', ['a']],
    ['RUN <<-"END" cat\n\tCOPY not this\n\tEND\nCOPY a /x', ['a']],
    ['RUN echo 1 << 2\nCOPY a /x', ['a']],
    ['COPY a /x\nCOPY a /y', ['a']],
    ['RUN COPY a /x\nLABEL x="COPY a /b"', []],
    ['\ufeffCOPY a /x\r\nCOPY b /x\r\n', ['a', 'b']],
  ] as [string, string[]][])('%j', ([text, paths]) => {
    expect(copiedPaths(text)).toEqual(paths)
  })

  test('is not guessed where a variable stands for it', async () => {
    await refusal((async () => copiedPaths('COPY $WHAT/a /x'))(), 'INVALID_ARGUMENT')
  })
})

describe('A .dockerignore', () => {
  const text =
    '# comment\n\n*.log\n/build\n**/node_modules\ndocs/**/*.md\n!docs/keep.md\ntemp?\n./x/\nsecret[0-9].txt\nall/**\n'
  const ignores = dockerignore(text)

  test.for([
    'a.log',
    'build',
    'build/x/y',
    'node_modules/a',
    'a/b/node_modules/c',
    'docs/a.md',
    'docs/a/b.md',
    'temp1',
    'x/y',
    'secret7.txt',
    'secretx.txt',
    'all/a',
  ])('leaves out %s', (path) => {
    expect(ignores(path)).toBe(true)
  })
  test.for(['a/b.log', 'a/build', 'docs/keep.md', 'docs/a.txt', 'temp', 'comment', 'all'])(
    'keeps %s',
    (path) => {
      expect(ignores(path)).toBe(false)
    },
  )

  test('is quick, whoever wrote it', () => {
    const hostile = dockerignore(`${'**/*a*a*a*/'.repeat(200)}x`)
    expect(hostile(`${'aaaaaaaaab/'.repeat(200)}y`)).toBe(false)
  })
})

test('What is put into an archive comes out of it, whatever it is called', () => {
  const name = fc
    .string({ minLength: 1, maxLength: 120, unit: 'grapheme' })
    .filter((text) => !/[/\0\n]|^\.*$/u.test(text))
  const files = fc.dictionary(name, fc.uint8Array({ maxLength: 1100 }), { maxKeys: 6, noNullPrototype: true })
  fc.assert(
    fc.property(files, (given) => {
      const entries = Object.entries(given).map(([path, bytes]) => ({
        path,
        mode: 0o644,
        bytes: Buffer.from(bytes),
      }))
      const read = readTar(tarOf([{ path: 'dir', mode: 0o755 }, ...entries]))
      expect(read.map(({ kind, path, bytes }) => [kind, path, bytes.toString('hex')])).toEqual([
        ['directory', 'dir', ''],
        ...entries.map(({ path, bytes }) => ['file', path, bytes.toString('hex')]),
      ])
    }),
    { numRuns: 60 },
  )
})

test('A request is signed so that the storage takes it, whatever is in its path', () => {
  const credentials = { accessKey: 'AKIA', secret: 's/+=', sessionToken: 'token', region: 'eu-west-1' }
  const url = new URL('http://storage.example:9000/base/bucket/an%20id/h%21/context.tar')
  const bodySha256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
  const headers = signedHeaders({ method: 'PUT', url, bodySha256 }, credentials, Date.UTC(2026, 10, 21, 10))
  const x = { method: 'PUT', path: url.pathname, query: new URLSearchParams(), headers, raw: Buffer.alloc(0) }
  const exchange = { ...x, route: undefined, params: {}, body: undefined }
  expect(checkSignature(exchange, credentials)).toBeUndefined()
  expect(checkSignature({ ...exchange, method: 'GET' }, credentials)).toMatchObject({
    code: 'SignatureDoesNotMatch',
  })
  expect(headers['x-amz-date']).toBe('20261121T100000Z')
})
