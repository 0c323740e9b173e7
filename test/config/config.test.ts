import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { SETTINGS } from '../../src/config/settings.ts'
import { loadConfig, readCommandLine } from '../../src/config.ts'
import { SnapshotError } from '../../src/snapshots/errors.ts'

/** A person's home with a project and another directory; nothing outside is looked at. */
function machine() {
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'config-')))
  onTestFinished(() => rmSync(base, { recursive: true }))
  const userHome = join(base, 'home')
  const project = join(userHome, 'project')
  const other = join(base, 'other')
  for (const directory of [project, other]) mkdirSync(directory, { recursive: true })
  const write = (name: string, content: unknown) => {
    const path = join(base, name)
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
    return path
  }
  const load = (argv: string[] = [], env: Record<string, string> = {}, cwd = project) =>
    loadConfig(readCommandLine(argv).flags, { env, cwd, userHome })
  return { base, userHome, project, other, write, load }
}

/** The sentence of the start-up error. */
function refusal(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    expect(error).toBeInstanceOf(SnapshotError)
    const { code, message, hint } = (error as SnapshotError).problem
    expect(code).toBe('INVALID_ARGUMENT')
    expect(hint).not.toBe('')
    return message
  }
  throw new Error('It was accepted')
}

test('the defaults', () => {
  const { load, userHome, project } = machine()
  const home = join(userHome, '.local/share/snapshot-mcp')
  expect(load()).toEqual({
    roots: [project],
    home,
    stateDirectory: join(home, 'state'),
    providers: ['local'],
    accounts: {},
    readOnly: false,
    guard: 'auto',
    policy: { special_modes: 'strip', safety_snapshots: true, trash_window: '72h' },
    logLevel: 'info',
  })
  expect(load([], { XDG_DATA_HOME: '/data' }).home).toBe('/data/snapshot-mcp')
  expect(load([], { XDG_DATA_HOME: 'relative' }).home).toBe(home)
})

describe('precedence', () => {
  test.each(['guard', 'log_level', 'max_store', 'home'] as const)('of %s: flag, variable, file', (key) => {
    const values = {
      guard: ['human', 'token', 'auto'],
      log_level: ['debug', 'warn', 'error'],
      max_store: ['1GB', '2GB', '3GB'],
      home: ['/a', '/b', '/c'],
    }[key]
    const [flag, variable, file] = values as [string, string, string]
    const { load, write } = machine()
    const { flag: name, variable: variableName } = SETTINGS[key]
    const config = ['--config', write('config.json', { [key]: file })]
    const env = { [variableName]: variable }
    const field = { guard: 'guard', log_level: 'logLevel', max_store: 'maxStoreBytes', home: 'home' } as const
    const seen = (argv: string[], environment = {}) => String(load(argv, environment)[field[key]])
    const shown = (text: string) => (key === 'max_store' ? String(Number.parseInt(text, 10) * 1e9) : text)
    expect(seen([...config, `--${name}`, flag], env)).toBe(shown(flag))
    expect(seen(config, env)).toBe(shown(variable))
    expect(seen(config)).toBe(shown(file))
  })

  test('a flag can take back what a variable switched on', () => {
    const { load } = machine()
    expect(load(['--no-read-only'], { SNAPSHOT_MCP_READ_ONLY: 'true' }).readOnly).toBe(false)
  })
})

describe('what is not known is fatal', () => {
  test('flags', () => {
    expect(refusal(() => machine().load(['--rooot', '/x']))).toContain('--rooot')
  })

  test('keys of the file', () => {
    const { load, write } = machine()
    expect(refusal(() => load(['--config', write('c.json', { readOnly: true })]))).toContain('"readOnly"')
  })

  test('variables with our prefix: a misspelt one would not protect', () => {
    expect(refusal(() => machine().load([], { SNAPSHOT_MCP_READONLY: '1' }))).toContain(
      'SNAPSHOT_MCP_READONLY',
    )
  })

  test('keys of the policy', () => {
    const { load, write } = machine()
    expect(refusal(() => load(['--policy', write('p.json', { deletes: 'never' })]))).toContain('policy file')
  })

  test('providers, guards, levels, states', () => {
    const { load, write } = machine()
    expect(refusal(() => load(['--providers', 'local,floppy']))).toContain('"floppy"')
    for (const none of [',', ' , '])
      expect(refusal(() => load([], { SNAPSHOT_MCP_PROVIDERS: none }))).toContain('must name at least one')
    expect(refusal(() => load(['--config', write('c.json', { providers: [] })]))).toContain('"providers"')
    expect(refusal(() => load(['--guard', 'none']))).toContain('--guard: must be auto, token or human')
    expect(refusal(() => load([], { SNAPSHOT_MCP_LOG_LEVEL: 'loud' }))).toContain('SNAPSHOT_MCP_LOG_LEVEL')
    const other = refusal(() => load(['--state', 'valkey://user:secret@host/0']))
    expect(other).toContain('valkey')
    expect(other).not.toMatch(/user|secret|host/)
    expect(refusal(() => load(['--state', 'secret']))).not.toContain('secret')
  })
})

describe('files that cannot be used stop the start', () => {
  test.each(['--config', '--policy'])('%s missing, not JSON, not an object', (flag) => {
    const { load, write } = machine()
    for (const path of ['/nowhere.json', write('bad.json', '{'), write('list.json', [])])
      expect(refusal(() => load([flag, path]))).toContain(path)
  })

  test('a policy with a wrong value', () => {
    const { load, write } = machine()
    for (const policy of [
      { delete: 'always' },
      { special_modes: true },
      { safety_snapshots: 'never' },
      { trash_window: '3 days' },
    ])
      expect(refusal(() => load(['--policy', write('p.json', policy)]))).toContain(Object.keys(policy)[0])
  })
})

test('a policy is read', () => {
  const { load, write } = machine()
  const path = write('p.json', { delete: 'never', providers: [], trash_window: '7d' })
  expect(load([], { SNAPSHOT_MCP_POLICY: path }).policy).toEqual({
    delete: 'never',
    providers: [],
    special_modes: 'strip',
    safety_snapshots: true,
    trash_window: '7d',
  })
})

describe('an unset variable in the configuration of a client counts as missing', () => {
  test('as a variable, a flag, and inside the file', () => {
    const { load, write, project } = machine()
    // biome-ignore lint/suspicious/noTemplateCurlyInString: what a client hands over
    const unset = '${SNAPSHOT_MCP_ANYTHING}'
    expect(
      load([], { SNAPSHOT_MCP_ROOTS: unset, SNAPSHOT_MCP_GUARD: unset, SNAPSHOT_MCP_HOME: '' }),
    ).toMatchObject({
      roots: [project],
      guard: 'auto',
    })
    expect(load(['--guard', unset, '--root', unset], { SNAPSHOT_MCP_GUARD: 'human' })).toMatchObject({
      roots: [project],
      guard: 'human',
    })
    expect(load(['--config', unset]).roots).toEqual([project])
    expect(load(['--config', write('c.json', { guard: unset, roots: [unset] })])).toMatchObject({
      roots: [project],
      guard: 'auto',
    })
  })

  test('and each such place is named, for what was to protect does not', () => {
    const { load, write, project } = machine()
    // biome-ignore lint/suspicious/noTemplateCurlyInString: what a client hands over
    const unset = ' ${POLICY} '
    const variables = { SNAPSHOT_MCP_POLICY: unset, SNAPSHOT_MCP_READ_ONLY: unset, SNAPSHOT_MCP_HOME: '' }
    expect(load([], variables)).toMatchObject({
      readOnly: false,
      unexpanded: ['SNAPSHOT_MCP_READ_ONLY', 'SNAPSHOT_MCP_POLICY'],
    })
    const file = write('c.json', { guard: unset })
    expect(load(['--config', file, '--root', project, '--root', unset]).unexpanded).toEqual([
      '--root',
      '"guard" in the configuration file',
    ])
    expect(load(['--config', unset]).unexpanded).toEqual(['--config'])
    expect(load([], { SNAPSHOT_MCP_GUARD: 'human' })).not.toHaveProperty('unexpanded')
  })
})

describe('values', () => {
  test.each([
    ['true', true],
    ['1', true],
    ['false', false],
    ['0', false],
  ])('the switch %s is %j', (text, expected) => {
    expect(machine().load([], { SNAPSHOT_MCP_READ_ONLY: text }).readOnly).toBe(expected)
  })

  test.each(['yes', 'TRUE', 'on', '2', '   x'])('the switch %j is refused', (text) => {
    expect(refusal(() => machine().load([], { SNAPSHOT_MCP_READ_ONLY: text }))).toContain(
      'true, false, 1 or 0',
    )
  })

  test.each([
    ['20GB', 20e9],
    ['512MB', 512e6],
    ['1GiB', 2 ** 30],
    ['1.5 kib', 1536],
    ['4096', 4096],
  ])('the size %s is %d bytes', (text, bytes) => {
    expect(machine().load(['--max-store', text]).maxStoreBytes).toBe(bytes)
  })

  test.each(['0', 'lots', '10XB', '-5MB', '1e30GB', 'GB'])('the size %s is refused', (text) => {
    expect(refusal(() => machine().load([`--max-store=${text}`]))).toContain('must be a size')
  })

  test('state in a directory of its own', () => {
    const { load } = machine()
    expect(load(['--state', 'file:/var/state']).stateDirectory).toBe('/var/state')
    expect(load(['--state', 'file:///var/state']).stateDirectory).toBe('/var/state')
    expect(refusal(() => load(['--state', 'file:relative']))).toContain('file:relative')
    expect(load(['--state', 'REDISS://user:secret@host/1']).redis?.shown).toBe('rediss://host/1')
  })
})

describe('a key', () => {
  test.each([
    ['file:/etc/keys/snapshot', { file: '/etc/keys/snapshot' }],
    ['file: /with a space ', { file: '/with a space' }],
    ['command:pass show snapshot-mcp', { command: ['pass', 'show', 'snapshot-mcp'] }],
    ['command: /usr/bin/env  X=1 "two words"', { command: ['/usr/bin/env', 'X=1', 'two words'] }],
    [
      `command:sh -c 'echo "$KEY" | head -1' --x="a b"c`,
      { command: ['sh', '-c', 'echo "$KEY" | head -1', '--x=a bc'] },
    ],
    ['command:program ""', { command: ['program', ''] }],
  ])('%s', (text, expected) => {
    expect(machine().load(['--encrypt', text]).encrypt).toEqual(expected)
    expect(machine().load([], { SNAPSHOT_MCP_ENCRYPT: text }).encrypt).toEqual(expected)
  })

  test('is relative to the working directory, or to the home directory', () => {
    const { load, userHome, base } = machine()
    expect(load(['--encrypt', 'file:../../key'])).toMatchObject({ encrypt: { file: join(base, 'key') } })
    expect(load(['--encrypt', 'file:~/key'])).toMatchObject({ encrypt: { file: join(userHome, 'key') } })
    expect(load(['--encrypt', 'command:~/bin/key ~/x'])).toMatchObject({
      encrypt: { command: [join(userHome, 'bin/key'), '~/x'] },
    })
  })

  test('is not looked at yet', () => {
    expect(machine().load(['--encrypt', 'file:/nowhere/key']).encrypt).toEqual({ file: '/nowhere/key' })
  })

  test.each([
    'file:',
    'command:',
    'command:  ',
    'command:""',
    `command:pass 'show`,
    '0123456789abcdef',
    '/etc/key',
    'env:KEY',
  ])('%s is refused, and not repeated', (text) => {
    const message = refusal(() => machine().load(['--encrypt', text]))
    expect(message).toBe('--encrypt: must be file:/path/to/key or command:program args.')
  })

  test.each(['file:', 'command:'])('%s where the agent works stops the start', (kind) => {
    const { load, write, project, base } = machine()
    write('home/project/key', '')
    symlinkSync(base, join(project, 'out'))
    for (const path of ['key', './key', join(project, 'later'), join(project, 'out/key')]) {
      const inside = kind === 'command:' && !path.includes('/') ? `./${path}` : path
      expect(refusal(() => load(['--encrypt', `${kind}${inside}`]))).toContain('from inside the root')
    }
  })
})

describe('roots', () => {
  test('repeated, separated, relative, with a tilde; each once and real', () => {
    const { load, project, other, base } = machine()
    expect(load(['--root', '.', '--root', other]).roots).toEqual([project, other])
    expect(load([], { SNAPSHOT_MCP_ROOTS: `${other}:~/project:${project}/` }).roots).toEqual([other, project])
    expect(load(['--root', '../../other'], {}, project).roots).toEqual([join(base, 'other')])
  })

  test.each([
    ['/', 'root of a file system'],
    ['~', 'holds your home directory'],
    ['..', 'holds your home directory'],
    ['missing', 'does not exist'],
    ['file.txt', 'is not a directory'],
  ])('%s is refused', (root, words) => {
    const { load, write, userHome, base } = machine()
    write('home/project/file.txt', '')
    const cwd = root === '..' ? userHome : join(base, 'home/project')
    expect(refusal(() => load(['--root', root], {}, cwd))).toContain(words)
  })

  test('overlap with the store is refused, above and below, also through a link and before the store exists', () => {
    const { load, other, project } = machine()
    for (const home of [other, join(other, 'store'), join(other, 'a/b/c')])
      expect(refusal(() => load(['--root', other, '--home', home]))).toContain('where snapshots are kept')
    mkdirSync(join(other, 'store/inside'), { recursive: true })
    expect(
      refusal(() => load(['--root', join(other, 'store/inside'), '--home', join(other, 'store')])),
    ).toContain('overlaps')
    expect(load(['--root', project, '--home', `${project}-store`]).roots).toEqual([project])
  })

  test('overlap with the state is refused as well, above and below and through a link', () => {
    const { load, other, base } = machine()
    const refused = (root: string, state: string) =>
      refusal(() => load(['--root', root, '--state', `file:${state}`]))
    mkdirSync(join(other, 'state/inside'), { recursive: true })
    symlinkSync(join(other, 'state'), join(base, 'link'))
    for (const state of [other, join(other, 'state'), join(other, 'later/on'), join(base, 'link')])
      expect(refused(other, state)).toContain('where the records of the server are kept')
    expect(refused(join(other, 'state/inside'), join(other, 'state'))).toContain('overlaps')
    expect(load(['--root', other, '--state', `file:${other}-state`]).roots).toEqual([other])
  })

  test('a store or a state that is reached through a link inside a root is refused', () => {
    const { load, other, base } = machine()
    mkdirSync(join(base, 'elsewhere'))
    symlinkSync(join(base, 'elsewhere'), join(other, 'link'))
    expect(refusal(() => load(['--root', other, '--home', join(other, 'link/store')]))).toContain('overlaps')
    expect(refusal(() => load(['--root', other, '--state', `file:${other}/link/state`]))).toContain(
      'overlaps',
    )
  })

  test.each(['--config', '--policy'])('a file for %s that an agent could rewrite stops the start', (flag) => {
    const { load, write, other, base } = machine()
    const inside = write('other/rules.json', {})
    const outside = write('rules.json', {})
    const refused = (path: string, argv = ['--root', other], cwd = base) =>
      refusal(() => load([...argv, flag, path], {}, cwd))
    expect(refused(inside)).toContain(`${inside} is refused: it can be changed from inside the root ${other}`)
    expect(refused('rules.json', [], other)).toContain('inside the root')
    // A link inside can be made to lead elsewhere; a link outside leads to what can be rewritten.
    symlinkSync(outside, join(other, 'link.json'))
    symlinkSync(base, join(other, 'up'))
    symlinkSync(inside, join(base, 'in.json'))
    for (const path of ['other/link.json', 'other/up/rules.json', 'in.json'])
      expect(refused(join(base, path))).toContain('inside the root')
    expect(load(['--root', other, flag, outside]).roots).toEqual([other])
  })

  test('a working directory that is no root leaves the server without roots, and says why', () => {
    const { load, userHome } = machine()
    for (const cwd of ['/', userHome]) {
      const { roots, rootsProblem } = load([], {}, cwd)
      expect(roots).toEqual([])
      expect(rootsProblem).toContain(`The root ${cwd} is refused`)
    }
  })
})
