import { execFile, execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  appendFileSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type AuditOptions, createAudit } from '../../src/guard/audit.ts'
import { fail } from '../../src/snapshots/errors.ts'
import { refusal } from '../snapshots/world.ts'
import { createLog, event } from './audit/log.ts'

const run = promisify(execFile)
const APPENDER = [
  process.execPath,
  '--import',
  'tsx',
  fileURLToPath(new URL('./audit/appender.ts', import.meta.url)),
] as const

const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8)

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

/** As documented, and not as the code does it: sorted keys at every depth. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value).map(([key, each]) => `${JSON.stringify(key)}:${canonical(each)}`)
  return `{${members.sort().join(',')}}`
}

describe('an entry', () => {
  test('says what was decided, when, and which entry it follows', async () => {
    const { audit, time, entries } = createLog()
    await audit.append({
      event: 'allowed',
      principal: 'local:1000',
      client: 'claude 2.1',
      operation: 'op_1',
      type: 'delete',
      provider: 'local',
      targets: ['local:abc', 'local:def'],
      args_digest: 'ab'.repeat(32),
      plan: 'cd'.repeat(32),
      layers: { policy: 'passed', doors: ['answer'] },
    })
    time.now += 1500
    await audit.append({ event: 'ended', principal: 'local:1000', operation: 'op_1', outcome: 'done' })

    const [first, second] = entries()
    expect(first).toMatchObject({
      v: 1,
      seq: 1,
      at: '2026-11-21T12:00:00.000Z',
      prev: '0'.repeat(64),
      event: 'allowed',
      client: 'claude 2.1',
      targets: ['local:abc', 'local:def'],
      layers: { policy: 'passed', doors: ['answer'] },
    })
    expect(second).toMatchObject({
      seq: 2,
      at: '2026-11-21T12:00:01.500Z',
      prev: first.hash,
      outcome: 'done',
    })
    for (const { hash, ...rest } of [first, second]) expect(hash).toBe(sha256(canonical(rest)))
  })

  test('is for the eyes of the owner only', async () => {
    const { directory, path, append } = createLog()
    await append(1)
    expect(modeOf(directory)).toBe('700')
    expect([path('000001.jsonl'), path('head')].map(modeOf)).toEqual(['600', '600'])
  })

  test('holds nothing that could act on a terminal or pass for another line, and never much', async () => {
    const { audit, lines, entries, verify } = createLog()
    const hostile = `\u001b[2J\u202e"}\n{"v":1}\u2028${'\u{1f4a3}'.repeat(4000)}`
    await audit.append({
      event: 'refused',
      principal: hostile,
      client: hostile,
      targets: Array.from({ length: 50 }, () => hostile),
      failed: Array.from({ length: 80 }, () => hostile),
      layers: { policy: { why: hostile } },
      code: hostile,
    })
    expect(lines()).toHaveLength(1)
    expect(Buffer.byteLength(lines().join())).toBeLessThan(64 * 1024)
    expect(lines().join()).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
    const [{ client, targets, failed, failed_omitted }] = entries()
    expect(client).toMatch(/^\?\[2J\?"\}\?\{"v":1\}\?/)
    expect(client.length).toBeLessThanOrEqual(200)
    expect([targets.length, failed.length, failed_omitted]).toEqual([50, 10, 70])
    for (const target of [...targets, ...failed]) expect(target.length).toBeLessThanOrEqual(300)
    expect(await verify()).toMatchObject({ entries: 1, problems: [] })
  })

  test('with many targets is several lines, and none of them is left out', async () => {
    const { audit, entries, verify } = createLog()
    const targets = Array.from({ length: 120 }, (_, n) => `local:${n}`)
    await audit.append({ event: 'purged', principal: 'ann', targets })
    expect(entries().flatMap((entry) => entry.targets)).toEqual(targets)
    expect(entries().map(({ part }) => part)).toEqual(['1 of 3', '2 of 3', '3 of 3'])
    expect(await verify()).toMatchObject({ entries: 3, problems: [] })
  })

  test('holds the known fields and no others', async () => {
    const { audit, lines, entries } = createLog()
    const more = { args: { confirmation: 'cfm_secret' }, confirmation: 'cfm_secret', v: 2, seq: 9, hash: 'x' }
    await audit.append({ ...event(), ...more })
    expect(lines().join()).not.toContain('cfm_secret')
    expect(Object.keys(entries()[0])).toEqual(['v', 'seq', 'at', 'prev', 'event', 'principal', 'hash'])
  })

  test('has layers of a bounded size', async () => {
    const { append, entries } = createLog()
    await append(1, { layers: { list: Array.from({ length: 100_000 }, () => 'x') } })
    expect(entries()[0].layers).toEqual({ omitted_characters: expect.any(Number) })
  })
})

describe('segments', () => {
  test('the chain goes on in the next one, which is named after its first entry', async () => {
    const { append, names, entries, path, verify } = createLog({ segmentBytes: 900 })
    await append(12)
    const all = entries()
    expect(all.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
    for (const [n, { prev }] of all.entries()) expect(prev).toBe(n === 0 ? '0'.repeat(64) : all[n - 1].hash)
    expect(names().length).toBeGreaterThan(2)
    for (const name of names()) {
      const [line = ''] = readFileSync(path(name), 'utf8').split('\n')
      expect(name).toBe(`${String(JSON.parse(line).seq).padStart(6, '0')}.jsonl`)
    }
    expect(await verify()).toMatchObject({ entries: 12, problems: [], notes: [] })
  })

  test('of whatever size: only the end of the last one is read', async () => {
    const { append, path, names, entries, audit } = createLog()
    await append(1)
    const [line] = entries()
    // 3 GB of nothing, which could not be read in one piece.
    truncateSync(path(), 3_000_000_000)
    appendFileSync(path(), `\n${JSON.stringify(line)}\n`)
    await audit.append(event())
    expect(names()).toEqual(['000001.jsonl', '000002.jsonl'])
    expect(JSON.parse(readFileSync(path(), 'utf8'))).toMatchObject({ seq: 2, prev: line.hash })
  })

  test('that the operator has archived are not begun again', async () => {
    const { append, names, path, verify } = createLog({ segmentBytes: 1 })
    await append(3)
    for (const name of names()) rmSync(path(name))
    await append(1)
    expect(names()).toEqual(['000004.jsonl'])
    expect(await verify()).toMatchObject({ entries: 1, first: { seq: 4 }, problems: [] })
  })
})

describe('many at once', () => {
  test('of one process follow each other as they were called', async () => {
    const { audit, entries } = createLog()
    const operations = Array.from({ length: 30 }, (_, n) => `op_${n}`)
    await Promise.all(operations.map((operation) => audit.append(event({ operation }))))
    expect(entries().map(({ operation }) => operation)).toEqual(operations)
  })

  test('of several processes make one chain, with all of each in its order', async () => {
    const { home, entries, names, verify } = createLog()
    const [node, ...script] = APPENDER
    const each = (name: string) => run(node, [...script, home, name, '15', '3000'])
    const outcomes = await Promise.all(['ann', 'bob', 'eve'].map(each))
    expect(outcomes.map(({ stdout }) => stdout)).toEqual(['15', '15', '15'])
    expect(await verify()).toMatchObject({ entries: 45, problems: [], notes: [] })
    expect(names().length).toBeGreaterThan(1)
    for (const name of ['ann', 'bob', 'eve']) {
      const own = entries().filter(({ principal }) => principal === name)
      expect(own.map(({ operation }) => operation)).toEqual(own.map((_, n) => `op_${n}`))
    }
  })

  test('wait for each other, and nothing is written by who waits in vain', async () => {
    const { audit, lock, path, append, directory } = createLog()
    await append(1)
    const impatient: AuditOptions['lock'] = (name) => lock(name, { wait_ms: 10 })
    const other = createAudit({ directory, lock: impatient, clock: Date.now })
    const held = await lock('audit')
    const before = readFileSync(path())
    await refusal(other.append(event()), 'BUSY')
    expect(readFileSync(path())).toEqual(before)
    await held.release()
    await other.append(event())
    await audit.append(event())
  })

  test('a lock that could not be given back is given back by the next one', async () => {
    const { lock, directory, verify } = createLog()
    let full = true
    const audit = createAudit({
      directory,
      clock: Date.now,
      async lock(name) {
        const held = await lock(name, { wait_ms: 10 })
        const release = () => (full ? Promise.reject(fail('NO_SPACE', 'full', 'wait')) : held.release())
        return { ...held, release }
      },
    })
    await refusal(audit.append(event()), 'NO_SPACE')
    await refusal(audit.append(event()), 'NO_SPACE')
    full = false
    await audit.append(event())
    await (await lock('audit', { wait_ms: 0 })).release()
    expect(await verify()).toMatchObject({ entries: 2, problems: [] })
  })
})

describe('what a crash leaves', () => {
  /** Three whole entries, and a fourth of which only the first bytes came to the disk. */
  async function cutShort(bytes: (line: string) => number) {
    const log = createLog()
    await log.append(3)
    const head = readFileSync(log.path('head'))
    const { size } = statSync(log.path())
    await log.append(1)
    truncateSync(log.path(), size + bytes(log.lines().at(-1) ?? ''))
    writeFileSync(log.path('head'), head)
    return log
  }

  test('at any byte of a line: the next entry accounts for it, and for nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), async (number) => {
        const { path, append, verify } = await cutShort((line) => number % (line.length + 1))
        const seen = await verify()
        expect(seen.problems).toEqual([])
        await append(2)
        const whole = await verify()
        expect(whole).toMatchObject({ problems: [], notes: [] })
        expect(whole.entries).toBe(seen.entries + 2)
        // A byte of what was left is changed: now nothing accounts for it.
        if (seen.entries === 4 || seen.notes.length === 0) return
        const text = readFileSync(path(), 'latin1').split('\n')
        text[3] = `x${text[3]?.slice(1)}`
        writeFileSync(path(), text.join('\n'), 'latin1')
        expect((await verify()).problems).toMatchObject([{ kind: 'unreadable', line: 4 }])
      }),
      { numRuns: 40 },
    )
  })

  test('is described by its size and hash', async () => {
    const { append, path, verify } = await cutShort(() => 100)
    expect(await verify()).toMatchObject({
      entries: 3,
      problems: [],
      notes: [expect.stringContaining('100 bytes')],
    })
    const torn = readFileSync(path(), 'utf8').split('\n').at(-1) ?? ''
    await append(1)
    const text = readFileSync(path(), 'utf8').split('\n')
    expect(JSON.parse(text.at(-2) ?? '').torn).toEqual({ bytes: 100, sha256: sha256(torn) })
  })

  test('twice in a row is accounted for together', async () => {
    const { append, path, verify } = await cutShort(() => 100)
    appendFileSync(path(), '\n{"v":1,"seq":4,')
    await append(2)
    expect(await verify()).toMatchObject({ entries: 5, problems: [], notes: [] })
  })

  test('with blocks of zeros before the end of the line does not block either', async () => {
    const { append, path, verify } = await cutShort(() => 0)
    appendFileSync(path(), `{"v":1,"seq":4${'\0'.repeat(300)}}\n`)
    expect((await verify()).problems).toEqual([])
    await append(2)
    expect(await verify()).toMatchObject({ entries: 5, problems: [], notes: [] })
  })

  test('of the first line of a segment leaves the chain to the segment before', async () => {
    const { append, path, directory, verify } = createLog({ segmentBytes: 1 })
    await append(2)
    writeFileSync(join(directory, '000003.jsonl'), '{"v":1,"se')
    await append(1)
    expect(readFileSync(path('000003.jsonl'), 'utf8').split('\n')).toHaveLength(3)
    expect(await verify()).toMatchObject({ entries: 3, problems: [], notes: [] })
  })

  test('between the line and the head: the head is behind, and catches up', async () => {
    const { append, path, verify } = createLog()
    await append(2)
    const head = readFileSync(path('head'))
    await append(1)
    writeFileSync(path('head'), head)
    expect(await verify()).toMatchObject({ entries: 3, problems: [], notes: [] })
    await append(1)
    expect(readFileSync(path('head'), 'utf8')).toMatch(/^4 [0-9a-f]{64}\n$/)
  })
})

describe('a log that cannot be written', () => {
  test('a disk that is full in the middle of a line is an error, and the next line finds its way', async () => {
    const { home, append, verify } = createLog()
    await append(1)
    // The limit is in blocks of 512 or 1024 bytes; it cuts a write just as a full disk does.
    const limited = ['-c', 'ulimit -f 8; exec "$@"', 'sh', ...APPENDER, home, 'ann', '100', '1000000']
    const { stdout } = await run('sh', limited, { env: { ...process.env, TSX_DISABLE_CACHE: '1' } })
    const [done, code] = stdout.split(' ')
    expect(code).toBe('NO_SPACE')
    expect(await verify()).toMatchObject({ entries: 1 + Number(done), problems: [] })
    await append(1)
    expect(await verify()).toMatchObject({ entries: 2 + Number(done), problems: [], notes: [] })
  })

  test('a link in place of a segment is not followed', async () => {
    const { append, home, path, directory } = createLog({ segmentBytes: 1 })
    await append(1)
    writeFileSync(join(home, 'precious'), 'precious')
    symlinkSync(join(home, 'precious'), join(directory, '000002.jsonl'))
    await refusal(append(1), 'FORBIDDEN')
    expect(readFileSync(join(home, 'precious'), 'utf8')).toBe('precious')
    expect(readFileSync(path('head'), 'utf8')).toMatch(/^1 /)
  })

  test('a pipe or a directory in place of a segment is not waited for', async () => {
    const { append, directory } = createLog({ segmentBytes: 1 })
    await append(1)
    execFileSync('mkfifo', [join(directory, '000002.jsonl')])
    await refusal(append(1), 'FORBIDDEN')
    rmSync(join(directory, '000002.jsonl'))
    mkdirSync(join(directory, '000002.jsonl'))
    await refusal(append(1), 'FORBIDDEN')
  })

  test('a file in place of the directory is told in words without a path', async () => {
    const { append, home, directory } = createLog()
    writeFileSync(directory, '')
    const { message, hint } = await refusal(append(1), 'FORBIDDEN')
    expect(message + hint).not.toContain(home)
  })
})

describe('a log that somebody has edited', () => {
  test('goes on after what its last line states', async () => {
    const { append, path, entries, verify } = createLog()
    await append(2)
    writeFileSync(path(), readFileSync(path(), 'utf8').replace(/ann(?!.*ann)/s, 'eve'))
    await append(1)
    const [, edited, next] = entries()
    expect([edited.principal, next.prev]).toEqual(['eve', edited.hash])
    expect((await verify()).problems).toMatchObject([{ kind: 'changed', line: 2 }])
  })

  test('and cut at its end shows the gap for ever', async () => {
    const { append, path, verify } = createLog()
    await append(2)
    const { size } = statSync(path())
    await append(3)
    truncateSync(path(), size)
    await append(2)
    expect(await verify()).toMatchObject({
      entries: 4,
      last: { seq: 7 },
      problems: [{ kind: 'missing', line: 3, what: 'entries 3 to 5 are missing before entry 6' }],
    })
  })

  test('with more junk at its end than a crash can leave goes on after its head', async () => {
    const { append, path, verify } = createLog()
    await append(2)
    appendFileSync(path(), 'x'.repeat(600_000))
    await append(1)
    expect(await verify()).toMatchObject({
      entries: 3,
      last: { seq: 3 },
      problems: [{ kind: 'unreadable', line: 3 }],
    })
  })
})
