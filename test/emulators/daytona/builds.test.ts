import { describe, expect, test } from 'vitest'
import { entrypointOf, instructions } from './dockerfile.ts'
import { course, notFound, type Served, serve } from './support.ts'
import { readTar } from './tar.ts'
import { tarOf } from './tar-writer.ts'

const build = (dockerfileContent: string, contextHashes?: string[], name = 'b') => ({
  name,
  buildInfo: { dockerfileContent, contextHashes },
})

/** As if it had been uploaded. */
function upload({ world }: Served, hash: string, archive: Buffer): void {
  world.objects.objects.set(`${world.organizationId}/${hash}/context.tar`, archive)
}

describe('A snapshot of a Dockerfile', () => {
  test('It is pending, then built, then active, with the entrypoint that the Dockerfile names', async () => {
    const { post, until } = await serve()
    const { body } = await post('/snapshots', build('FROM debian:12\nENTRYPOINT ["/bin/app", "-v"]'))
    expect(body).toMatchObject({ state: 'pending', imageName: '', entrypoint: ['/bin/app', '-v'] })
    const seen = await until('/snapshots/b', 'active')
    expect(course(seen)).toEqual(['pending', 'building', 'active'])
    expect(seen.map(({ size }) => size)).toEqual([null, null, null, 0.25])
    expect(seen.at(-1).ref).toContain(seen.at(-1).buildInfo.snapshotRef)
  })

  test('The same Dockerfile and context make the same reference, and are not built twice', async () => {
    const served = await serve()
    const { post, until } = served
    for (const hash of ['h1', 'h2']) upload(served, hash, tarOf({ [hash]: 'x' }))
    const first = (await post('/snapshots', build('FROM a:1', ['h1', 'h2']))).body
    await until('/snapshots/b', 'active')
    const { body } = await post('/snapshots', build('FROM a:1', ['h2', 'h1'], 'again'))
    expect(body).toMatchObject({ state: 'active', buildInfo: { snapshotRef: first.buildInfo.snapshotRef } })
    const other = (await post('/snapshots', build('FROM a:1', ['h1'], 'other'))).body
    expect(other).toMatchObject({ state: 'pending' })
    expect(other.buildInfo.snapshotRef).not.toBe(first.buildInfo.snapshotRef)
  })

  test('It fails where the Dockerfile does, in the state of its generation', async () => {
    for (const [generation, state] of [
      ['v0.190', 'error'],
      ['record-first', 'build_failed'],
    ] as const) {
      const { post, until } = await serve({ generation })
      await post('/snapshots', build('FROM debian:12\nRUN exit 3\nRUN true'))
      const errorReason = "The command '/bin/sh -c exit 3' returned a non-zero code: 3"
      expect((await until('/snapshots/b', state)).at(-1)).toMatchObject({ errorReason, size: null })
    }
  })

  test('What it copies has to be in the context, under the name that the Dockerfile uses', async () => {
    const served = await serve({ pollsToComplete: 0 })
    upload(served, 'h1', tarOf({ 'app/main.py': 'x', 'app/lib/one.py': 'y' }))
    upload(served, 'h2', tarOf({ 'tmp/work/requirements.txt': 'z' }))
    upload(served, 'h3', Buffer.from('no archive at all'))
    let made = 0
    const outcome = async (dockerfile: string, hashes: string[]) => {
      const { id } = (await served.post('/snapshots', build(`FROM a:1\n${dockerfile}`, hashes, `b${++made}`)))
        .body
      await served.get(`/snapshots/${id}`)
      const { state, errorReason } = (await served.get(`/snapshots/${id}`)).body
      return state === 'active' ? 'built' : errorReason
    }
    expect(await outcome('COPY app /app', ['h1'])).toBe('built')
    expect(await outcome('COPY ./app/main.py ./app/*/one.py /app/', ['h1'])).toBe('built')
    expect(await outcome('COPY --chown=1 ["app", "/app"]', ['h1'])).toBe('built')
    expect(await outcome('COPY /tmp/work/requirements.txt /r.txt', ['h1', 'h2'])).toBe('built')
    expect(await outcome('COPY . /', ['h1'])).toBe('built')
    expect(await outcome('COPY --from=0 /x /y\nADD https://example.com/a /a', [])).toBe('built')
    expect(await outcome('COPY . /everything', [])).toContain('COPY failed')
    expect(await outcome('COPY main.py /app', ['h1'])).toContain('stat main.py: file does not exist')
    expect(await outcome('ADD ap /app', ['h1'])).toContain('ADD failed')
    expect(await outcome('COPY app /app', ['h4'])).toContain('The specified key does not exist')
    expect(await outcome('COPY app /app', ['h3'])).toContain('not a tar archive')
  })
})

describe('The log of a build', () => {
  const DOCKERFILE = 'FROM debian:12\nRUN make\nCMD ["run"]'

  async function read({ key }: Served, url: string): Promise<Response> {
    return fetch(url, { headers: { authorization: `Bearer ${key}` } })
  }

  test('Followed, it comes piece by piece and ends with the build', async () => {
    const served = await serve()
    const { id } = (await served.post('/snapshots', build(DOCKERFILE))).body
    const { url } = (await served.get(`/snapshots/${id}/build-logs-url`)).body
    expect(url.startsWith(served.url)).toBe(false)
    const reply = await read(served, `${url}?follow=true`)
    expect([reply.status, reply.headers.get('content-type')]).toEqual([200, 'application/octet-stream'])
    const reader = reply.body!.pipeThrough(new TextDecoderStream()).getReader()
    const first = reader.read()
    await served.until('/snapshots/b', 'building')
    expect((await first).value).toBe('Step 1/3 : FROM debian:12\n')
    await served.until('/snapshots/b', 'active')
    let rest = ''
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) rest += piece.value
    expect(rest).toMatch(/^Step 2\/3 : RUN make\nStep 3\/3 : CMD \["run"\]\nSuccessfully tagged daytona-/)
  })

  test('Not followed, it is what there is so far; both doors lead to it', async () => {
    const served = await serve()
    const { id } = (await served.post('/snapshots', build(DOCKERFILE))).body
    const { url } = (await served.get(`/snapshots/${id}/build-logs-url`)).body
    expect(await (await read(served, url)).text()).toBe('')
    await served.until('/snapshots/b', 'building')
    expect(await (await read(served, url)).text()).toBe('Step 1/3 : FROM debian:12\n')
    const deprecated = `${served.apiUrl}/snapshots/${id}/build-logs?follow=false`
    expect(await (await read(served, deprecated)).text()).toBe('Step 1/3 : FROM debian:12\n')
    expect((await fetch(url)).status).toBe(401)
  })

  test('It ends when the snapshot is deleted, and what was not built has none', async () => {
    const served = await serve()
    const { id } = (await served.post('/snapshots', build(DOCKERFILE))).body
    const { url } = (await served.get(`/snapshots/${id}/build-logs-url`)).body
    const reply = await read(served, `${url}?follow=true`)
    await served.del(`/snapshots/${id}`)
    expect(await reply.text()).toBe('')
    const pulled = served.addSnapshot()
    expect(await served.get(`/snapshots/${pulled.id}/build-logs-url`)).toMatchObject(
      notFound(`Snapshot ${pulled.id} has no build info`),
    )
  })

  test('By the clock it ends though nobody asks for the snapshot', async () => {
    const served = await serve({ secondsToComplete: 1 })
    const { id } = (await served.post('/snapshots', build(DOCKERFILE))).body
    const { url } = (await served.get(`/snapshots/${id}/build-logs-url`)).body
    const reply = await read(served, `${url}?follow=true`)
    served.clock.now += 2000
    expect(await reply.text()).toContain('Step 3/3')
  })
})

describe('Reading a Dockerfile', () => {
  test('Comments and blank lines are left out, continued lines and here-documents are one step', () => {
    const text = '# syntax\nFROM a:1\n\nRUN one \\\n  # aside\n  && two\nRUN <<EOF\n# three\nfour\nEOF\nCMD x'
    expect(instructions(text)).toEqual([
      'FROM a:1',
      'RUN one && two',
      'RUN <<EOF\n# three\nfour\nEOF',
      'CMD x',
    ])
  })

  test('The entrypoint is a list, a text, or the default of the server', () => {
    expect(entrypointOf('FROM a\nENTRYPOINT ["a", "b"]')).toEqual(['a', 'b'])
    expect(entrypointOf('FROM a\nENTRYPOINT run "it"')).toEqual(['run it'])
    expect(entrypointOf('FROM a')).toEqual(['sleep', 'infinity'])
  })
})

describe('Reading a tar archive', () => {
  test('Long names of either dialect come out whole', () => {
    const long = `${'d/'.repeat(60)}file.txt`
    for (const dialect of ['pax', 'gnu'] as const)
      expect(readTar(tarOf({ 'a.txt': 'one', [long]: 'two' }, dialect))).toMatchObject([
        { path: 'a.txt', kind: 'file', bytes: Buffer.from('one') },
        { path: long, kind: 'file', bytes: Buffer.from('two') },
      ])
  })

  test('What is cut off or damaged is not taken for an archive', () => {
    const archive = tarOf({ 'a.txt': 'x'.repeat(1000) })
    const damaged = Buffer.from(archive)
    damaged[0] = 0x7a
    expect(() => readTar(damaged)).toThrow('not a tar header')
    expect(() => readTar(archive.subarray(0, 700))).toThrow('in the middle of a file')
    expect(() => readTar(archive.subarray(0, 1536))).toThrow('no end')
    expect(() => readTar(Buffer.alloc(0))).toThrow('no end')
  })
})
