import { chmodSync, mkdirSync, renameSync, symlinkSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readTar } from '../../emulators/daytona/tar.ts'
import { refusal, temporaryDirectory } from '../../snapshots/world.ts'
import { EVERYTHING, type World, world } from './world.ts'

const DOCKERFILE = 'FROM debian:12\nCOPY requirements.txt /r.txt\nCOPY app /app\nRUN pip install -r /r.txt\n'

const project = (w: World, dockerfile = DOCKERFILE) =>
  w.write({
    Dockerfile: dockerfile,
    'requirements.txt': 'numpy==2.1.0\n',
    'app/main.py': 'print("hello")\n',
    [`app/lib/${'long-name-'.repeat(14)}.py`]: 'pass\n',
    'secret.txt': 'not copied',
  })

const from = (w: World, path = 'Dockerfile') => w.provider.resolveSource(`dockerfile:${path}`, w.ctx())
const uploads = (w: World) => w.daytona.storage.requests.filter(({ method }) => method === 'PUT').length
const archives = (w: World) => [...w.daytona.world.objects.objects.values()].map(readTar)
const paths = (w: World) => archives(w).map((entries) => entries.map(({ kind, path }) => `${kind} ${path}`))

describe('A snapshot of a Dockerfile', () => {
  test('is built from what the Dockerfile copies and nothing else', async () => {
    const w = await world()
    project(w)
    chmodSync(join(w.root, 'app/main.py'), 0o755)
    const { snapshot } = await w.create(await from(w), 'built', { options: { cpu: 2, region: 'eu' } })
    expect(snapshot).toMatchObject({
      ...{ state: 'ready', regions: ['eu'], source: { kind: 'dockerfile' } },
      native: { cpu: 2, buildInfo: { dockerfileContent: DOCKERFILE, contextHashes: [expect.any(String)] } },
    })
    expect(paths(w)).toEqual([
      [
        'directory app',
        'directory app/lib',
        `file app/lib/${'long-name-'.repeat(14)}.py`,
        'file app/main.py',
        'file requirements.txt',
      ],
    ])
    const [key] = w.daytona.world.objects.objects.keys()
    const [hash] = (snapshot.native.buildInfo as { contextHashes: string[] }).contextHashes
    expect(key).toBe(`${w.daytona.world.organizationId}/${hash}/context.tar`)
  })

  test('uploads the same context once, and another one when a file has changed', async () => {
    const w = await world()
    project(w)
    await w.create(await from(w), 'one')
    await w.create(await from(w), 'two')
    expect(uploads(w)).toBe(1)
    w.write({ 'app/main.py': 'print("changed")\n' })
    await w.create(await from(w), 'three')
    expect(uploads(w)).toBe(2)
    const [one, two, three] = ['one', 'two', 'three'].map(
      (name) => [...w.daytona.world.snapshots.values()].find((each) => each.name === name)!,
    )
    expect(two!.ref).toBe(one!.ref)
    expect(three!.ref).not.toBe(one!.ref)
  })

  test('without anything to copy uploads nothing', async () => {
    const w = await world()
    project(w, 'FROM debian:12\nCOPY --from=0 /a /b\nRUN true')
    await w.create(await from(w), 'plain')
    expect(w.asked('GET', /push-access/) + uploads(w)).toBe(0)
  })

  test('takes the files that are named instead', async () => {
    const w = await world()
    project(w, 'FROM debian:12\nARG WHAT\nCOPY $WHAT /x\n')
    const problem = await refusal(w.create(await from(w), 'one'), 'INVALID_ARGUMENT')
    expect(problem.hint).toContain('daytona.context')
    expect(w.asked('POST', /./)).toBe(0)
    const build = w.create(await from(w), 'one', { options: { context: ['app/*.py'] } })
    // The emulator looks for what is called $WHAT, as the real builder would without the argument.
    await refusal(build, 'INVALID_ARGUMENT')
    expect(paths(w)).toEqual([['file app/main.py']])
  })

  test('leaves out what .dockerignore names', async () => {
    const w = await world()
    project(w, 'FROM debian:12\nCOPY . /app\n')
    w.write({
      '.dockerignore': '# not for the image\nsecret.*\n**/lib\n!app/lib/keep.py\n',
      'app/lib/keep.py': '1',
    })
    await w.create(await from(w), 'one')
    expect(paths(w)[0]!.filter((path) => path.startsWith('file'))).toEqual([
      'file .dockerignore',
      'file Dockerfile',
      'file app/lib/keep.py',
      'file app/main.py',
      'file requirements.txt',
    ])
  })

  test('tells the log of its build as it comes', async () => {
    const w = await world()
    project(w)
    w.time.onSleep = () => theLogIsOpen(w)
    await w.create(await from(w), 'built')
    expect(w.told.filter((line) => line.startsWith('Step'))).toEqual([
      'Step 1/4 : FROM debian:12',
      'Step 2/4 : COPY requirements.txt /r.txt',
      'Step 3/4 : COPY app /app',
      'Step 4/4 : RUN pip install -r /r.txt',
    ])
    // It lies on another origin, which gets neither the key nor a request.
    expect(w.daytona.proxy.requests).toEqual([])
  })

  test('reads the log where the vendor says that it is, when that may see the key', async () => {
    const w = await world()
    project(w)
    w.daytona.world.origins.proxy = `${w.daytona.url}/elsewhere`
    w.time.onSleep = () => theLogIsOpen(w)
    const logs = () => w.daytona.requests.filter(({ path }) => /build-logs$/.test(path))
    w.trouble('GET', /elsewhere/, { answer: { status: 200, raw: 'Step 1 of 1' } })
    await w.create(await from(w), 'built')
    expect(logs().map(({ path, query }) => [path.includes('elsewhere'), query])).toEqual([
      [true, 'follow=true'],
    ])
    expect(w.told).toContain('Step 1 of 1')
  })

  test('does not mind when its log breaks', async () => {
    const w = await world()
    project(w)
    w.trouble('GET', /build-logs$/, 'reset', 'before', 9)
    w.trouble('GET', /build-logs-url$/, { answer: { status: 500, body: { message: 'no', statusCode: 500 } } })
    expect((await w.create(await from(w), 'built')).snapshot.state).toBe('ready')
  })

  test.for(['v0.190', 'record-first'] as const)(
    'that fails is an error with the reason (%s)',
    async (generation) => {
      const w = await world({ generation })
      project(w, 'FROM debian:12\nRUN exit 3\n')
      const problem = await refusal(w.create(await from(w), 'bad'), 'INVALID_ARGUMENT')
      expect(problem.message).toContain('returned a non-zero code: 3')
      expect(problem.outcome).toBe('partial')
    },
  )

  test('tells how much was sent for it, and what of that looks secret', async () => {
    const w = await world()
    project(w, 'FROM debian:12\nCOPY . /app\n')
    w.write({
      '.env.local': 'a',
      'app/key.pem': 'a',
      '.git/config': 'a',
      '.npmrc': 'a',
      'app/CREDENTIALS.json': 'a',
      id_rsa: 'a',
    })
    const { warnings = [] } = await w.create(await from(w), 'one')
    const bytes = [...w.daytona.world.objects.objects.values()][0]!.length
    expect(warnings[0]).toBe(
      `The build context of 11 files (${bytes} bytes) was sent to the storage of Daytona.`,
    )
    expect(warnings[1]).toMatch(
      /^Some of it looks secret: ".env.local", ".git", ".npmrc", "app\/CREDENTIALS.json", "app\/key.pem" and 1 more\./,
    )
    expect(warnings[1]).toContain('.dockerignore')
    w.write({ '.dockerignore': '.*\n**/*.pem\n**/CRED*\nid_rsa\n' })
    expect((await w.create(await from(w), 'two')).warnings).toEqual([expect.stringContaining('of 5 files')])
  })

  test('shows what it was built from where nobody knows the path any more', async () => {
    const w = await world()
    project(w, 'from --platform=x node:22 AS build\nRUN true\nFROM debian:12\n')
    const { snapshot } = await w.create(await from(w), 'one')
    expect(snapshot.source.name).toBe('Dockerfile FROM debian:12')
  })

  test('is found by its Dockerfile as long as that is as it was', async () => {
    const w = await world()
    project(w, 'FROM debian:12\n')
    const source = await from(w)
    const { snapshot } = await w.create(source, 'one')
    expect((await w.provider.list({ ...EVERYTHING, source }, w.ctx())).items).toEqual([snapshot])
    w.write({ Dockerfile: 'FROM debian:13\n' })
    expect((await w.provider.list({ ...EVERYTHING, source }, w.ctx())).items).toEqual([])
  })
})

/** Once it was asked where the log is, the build goes on when it is being read. */
async function theLogIsOpen(w: World): Promise<void> {
  const open = () => w.daytona.requests.some(({ path, status }) => /build-logs$/.test(path) && status === 200)
  while (w.asked('GET', /build-logs-url$/) > 0 && !open()) await new Promise(setImmediate)
}

describe('The place of a Dockerfile', () => {
  test('is absolute or relative to the only root, and a directory means the one in it', async () => {
    const w = await world()
    w.write({ 'web/Dockerfile': 'FROM a:1', 'web/other.dockerfile': 'FROM a:1' })
    const found = { kind: 'dockerfile', id: join(w.root, 'web/Dockerfile'), name: 'web/Dockerfile' }
    for (const path of [
      'web',
      'web/Dockerfile',
      './web/',
      join(w.root, 'web'),
      join(w.root, 'web/Dockerfile'),
    ])
      expect(await from(w, path)).toEqual(found)
    expect(await from(w, 'web/other.dockerfile')).toMatchObject({ name: 'web/other.dockerfile' })
    for (const path of ['nowhere', 'web/Dockerfile/x', '.']) await refusal(from(w, path), 'NOT_FOUND')
    mkdirSync(join(w.root, 'dir/Dockerfile'), { recursive: true })
    await refusal(from(w, 'dir'), 'INVALID_ARGUMENT')
    const several = await world({}, { roots: [w.root, temporaryDirectory()] })
    await refusal(from(several, 'web'), 'INVALID_ARGUMENT')
    expect(await from(several, join(w.root, 'web'))).toEqual(found)
  })

  test('is not outside the roots, by whatever way', async () => {
    const w = await world()
    const outside = temporaryDirectory()
    w.write({ 'web/x': '' })
    symlinkSync(outside, join(w.root, 'way-out'))
    symlinkSync('/etc/passwd', join(w.root, 'web/Dockerfile'))
    for (const path of ['/etc/passwd', '../x', 'way-out', 'web', 'web/Dockerfile', outside, `${w.root}x`])
      await refusal(from(w, path), 'POLICY_DENIED')
  })
})

describe('A build context', () => {
  const refused = async (w: World, copies: string, code: 'INVALID_ARGUMENT' | 'POLICY_DENIED') => {
    project(w, `FROM debian:12\nCOPY ${copies} /x\n`)
    const problem = await refusal(w.create(await from(w), 'one'), code)
    expect([problem.outcome, w.asked('POST', /./), uploads(w)]).toEqual(['not_started', 0, 0])
    expect(problem.message).not.toContain(w.root)
    return problem
  }

  test('holds nothing that a link leads to outside of it', async () => {
    const w = await world()
    const outside = temporaryDirectory()
    w.write({ 'sub/x': '' })
    symlinkSync('/etc/passwd', join(w.root, 'passwd'))
    symlinkSync(outside, join(w.root, 'way-out'))
    symlinkSync('/etc/passwd', join(w.root, 'sub/passwd'))
    for (const copies of ['passwd', 'way-out', 'way-out/*', 'sub', 'sub/*', '../x', '/../x'])
      await refused(w, copies, 'POLICY_DENIED')
    // One that points to something inside is what it points to: the builder knows no links.
    unlinkSync(join(w.root, 'sub/passwd'))
    symlinkSync('../secret.txt', join(w.root, 'sub/inside'))
    project(w, 'FROM debian:12\nCOPY sub /x\n')
    await w.create(await from(w), 'two')
    expect(
      archives(w)[0]!
        .find(({ path }) => path === 'sub/inside')
        ?.bytes.toString(),
    ).toBe('not copied')
  })

  test('is refused when something is missing, or is more than the builder can hold', async () => {
    const w = await world()
    expect((await refused(w, 'absent.txt', 'INVALID_ARGUMENT')).message).toContain('"absent.txt"')
    await refused(w, 'absent/*', 'INVALID_ARGUMENT')
    await refused(w, 'app/[ab]*', 'INVALID_ARGUMENT')
    symlinkSync('.', join(w.root, 'app/loop'))
    await refused(w, 'app', 'INVALID_ARGUMENT')
    unlinkSync(join(w.root, 'app/loop'))
    for (let n = 0; n < 4; n++) w.write({ [`big/${n}`]: 'x'.repeat(27 * 2 ** 20) })
    expect((await refused(w, 'big', 'INVALID_ARGUMENT')).message).toContain('100 MiB')
    w.write({ '.dockerignore': 'requirements.txt' })
    expect((await refused(w, 'requirements.txt', 'INVALID_ARGUMENT')).message).toContain('.dockerignore')
  })

  test('does not read more of an answer of the storage than it needs', async () => {
    const w = await world()
    project(w)
    const MOST = 500
    let pieces = 0
    async function* endless() {
      yield '<Error><Code>AccessDenied</Code>'
      for (; pieces < MOST; pieces++) {
        await new Promise(setImmediate)
        yield 'x'.repeat(2 ** 16)
      }
    }
    const when = ({ method }: { method: string }) => method === 'PUT'
    w.daytona.storage.faults.push({ when, at: 'before', how: { answer: { status: 403, stream: endless() } } })
    const problem = await refusal(w.create(await from(w), 'one'), 'PROVIDER_UNAVAILABLE')
    expect(problem.message).toContain('403 (AccessDenied)')
    expect(pieces).toBeLessThan(MOST)
  })

  test('goes to the storage once more when that is away for a moment', async () => {
    const w = await world()
    project(w)
    const all = () => true
    w.daytona.storage.faults.push({ when: all, at: 'before', how: 'reset' })
    w.daytona.storage.faults.push({
      when: ({ method }) => method === 'PUT',
      at: 'before',
      how: { answer: { status: 503 } },
    })
    await w.create(await from(w), 'one')
    expect(uploads(w)).toBe(2)
  })

  test('that the storage does not take is an error, and no snapshot is asked for', async () => {
    const w = await world()
    project(w)
    w.daytona.storage.faults.push({
      ...{ when: ({ method }) => method === 'PUT', at: 'before' },
      how: {
        answer: { status: 403, raw: '<Error><Code>AccessDenied</Code><Message>secret</Message></Error>' },
      },
    })
    const problem = await refusal(w.create(await from(w), 'one'), 'PROVIDER_UNAVAILABLE')
    expect(problem.message).toContain('403 (AccessDenied)')
    expect(problem).toMatchObject({ outcome: 'not_started', status: 403 })
    expect(w.asked('POST', /./)).toBe(0)
  })

  test('is not read from where a link leads that was put in its place meanwhile', async () => {
    const w = await world()
    w.write({ 'web/Dockerfile': 'FROM debian:12\n', 'other/Dockerfile': 'FROM debian:13\n' })
    const source = await from(w, 'web')
    renameSync(join(w.root, 'web'), join(w.root, 'moved'))
    symlinkSync('/etc', join(w.root, 'web'))
    await refusal(w.create(source, 'one'), 'NOT_FOUND')
    symlinkSync('/etc/passwd', join(w.root, 'moved/passwd'))
    await refusal(w.create({ ...source, id: join(w.root, 'moved/passwd') }, 'one'), 'POLICY_DENIED')
    await refusal(
      w.provider.list({ ...EVERYTHING, source: { ...source, id: '/etc/passwd' } }, w.ctx()),
      'POLICY_DENIED',
    )
    expect(w.asked('POST', /./)).toBe(0)
  })
})
