import { execFile } from 'node:child_process'
import {
  appendFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createLog, type TestLog } from './log.ts'

/** Three segments and more, and a piece of a line that a crash has left in the middle. */
async function manySegments() {
  const log = createLog({ segmentBytes: 900 })
  await log.append(5, { targets: ['local:abc', 'caf\u00e9 \ufffd'], layers: { policy: 'passed' } })
  appendFileSync(log.path(), '{"v":1,"seq":6,"at":"2026-')
  await log.append(6)
  expect(await log.verify()).toMatchObject({ entries: 11, problems: [], notes: [] })
  expect(log.names().length).toBeGreaterThan(2)
  return log
}

/** The log as a list of segments, each a list of lines; `put` writes it back. */
function contents({ names, path }: TestLog) {
  const files = names().map((name) => ({
    name,
    lines: readFileSync(path(name), 'utf8').split('\n').slice(0, -1),
  }))
  return {
    lines: files.flatMap(({ lines }) => lines),
    put(changed: readonly (string | undefined)[]) {
      let at = 0
      for (const { name, lines } of files) {
        const kept = changed.slice(at, at + lines.length).filter((line) => line !== undefined)
        at += lines.length
        writeFileSync(path(name), kept.map((line) => `${line}\n`).join(''))
      }
    },
  }
}

const kinds = async ({ verify }: TestLog) =>
  (await verify()).problems.map(({ kind, segment, line }) => `${kind} ${segment}:${line}`)

describe('nobody can without a trace', () => {
  test('change any byte to any other', async () => {
    const { names, path, verify } = await manySegments()
    const originals = names().map((name) => ({ name, bytes: readFileSync(path(name)) }))
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...originals),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        async ({ name, bytes }, number, flip) => {
          const changed = Buffer.from(bytes)
          const at = number % bytes.length
          changed[at] = changed[at]! ^ flip
          writeFileSync(path(name), changed)
          const { problems } = await verify()
          writeFileSync(path(name), bytes)
          expect(problems.length).toBeGreaterThan(0)
        },
      ),
      { numRuns: 500 },
    )
    expect((await verify()).problems).toEqual([])
  })

  test('take out any line', async () => {
    const log = await manySegments()
    const { lines, put } = contents(log)
    for (const gone of lines.keys()) {
      put(lines.map((line, n) => (n === gone ? undefined : line)))
      expect(await kinds(log)).not.toEqual([])
    }
  })

  test('put any line in the place of any other', async () => {
    const log = await manySegments()
    const { lines, put } = contents(log)
    for (const one of lines.keys())
      for (const other of lines.keys()) {
        if (one >= other) continue
        put(lines.map((line, n) => (n === one ? lines[other] : n === other ? lines[one] : line)))
        expect(await kinds(log)).not.toEqual([])
        put(lines.map((line, n) => (n === one ? lines[other] : line)))
        expect(await kinds(log)).not.toEqual([])
      }
  })

  test('cut any segment anywhere: only the line feed at the very end is no loss', async () => {
    const { names, path, verify } = await manySegments()
    const originals = names().map((name) => ({ name, bytes: readFileSync(path(name)) }))
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...originals), fc.nat(), async (one, number) => {
        const { name, bytes } = one
        const length = number % bytes.length
        writeFileSync(path(name), bytes.subarray(0, length))
        const { problems, notes } = await verify()
        writeFileSync(path(name), bytes)
        const isNoLoss = one === originals.at(-1) && length === bytes.length - 1
        if (isNoLoss) expect([problems, notes]).toEqual([[], ['The last line is not ended.']])
        else expect(problems.length).toBeGreaterThan(0)
      }),
      { numRuns: 300 },
    )
  })

  test('cut it at the end of any line, with whole segments or without', async () => {
    const log = await manySegments()
    const { lines, put } = contents(log)
    for (const kept of lines.keys()) {
      put(lines.map((line, n) => (n < kept ? line : undefined)))
      const { problems } = await log.verify()
      expect(problems.at(-1)).toMatchObject({
        kind: 'cut_off',
        what: expect.stringMatching(/(to|entry) 11 (is|are) missing/),
      })
    }
    for (const name of log.names()) rmSync(log.path(name))
    expect((await log.verify()).problems).toEqual([
      { segment: '', line: 0, kind: 'cut_off', what: 'entries 1 to 11 are missing at the end' },
    ])
  })

  test('take out or rename any segment but the oldest', async () => {
    const { names, path, verify } = await manySegments()
    for (const name of names().slice(1)) {
      for (const other of ['elsewhere', '000099.jsonl']) {
        if (other === '000099.jsonl' && name === names().at(-1)) continue
        renameSync(path(name), path(other))
        expect((await verify()).problems).not.toEqual([])
        renameSync(path(other), path(name))
      }
    }
  })
})

describe('what is wrong is named, and where', () => {
  async function edited(edit: (lines: (string | undefined)[]) => void) {
    const log = createLog()
    await log.append(6)
    const { lines, put } = contents(log)
    const changed: (string | undefined)[] = [...lines]
    edit(changed)
    put(changed)
    return kinds(log)
  }
  const at = (kind: string, line: number) => `${kind} 000001.jsonl:${line}`

  test('a line that is no entry', async () => {
    expect(await edited((lines) => lines.splice(2, 1, 'nothing'))).toEqual([at('unreadable', 3)])
  })
  test('a line too many that is no entry', async () => {
    expect(await edited((lines) => (lines[2] = `${lines[2]}\n`))).toEqual([at('unreadable', 4)])
  })
  test('the last line', async () => {
    expect(await edited((lines) => (lines[5] = 'nothing'))).toEqual([at('unreadable', 6), at('cut_off', 6)])
  })
  test('an entry with another content', async () => {
    expect(await edited((lines) => (lines[2] = lines[2]?.replace('ann', 'eve')))).toEqual([at('changed', 3)])
  })
  test('an entry with a key given twice', async () => {
    const twice = (line = '') => line.replace('"principal":"ann"', '"principal":"eve","principal":"ann"')
    expect(await edited((lines) => (lines[2] = twice(lines[2])))).toEqual([at('changed', 3)])
  })
  test('entries that are missing', async () => {
    expect(await edited((lines) => lines.fill(undefined, 1, 3))).toEqual([at('missing', 2)])
  })
  test('the first entry missing', async () => {
    expect(await edited((lines) => lines.fill(undefined, 0, 1))).toEqual([at('missing', 1)])
  })
  test('an entry moved', async () => {
    expect(await edited((lines) => lines.splice(3, 0, lines.splice(1, 1)[0]))).toEqual([
      at('missing', 2),
      at('reordered', 4),
    ])
  })
  test('an entry twice', async () => {
    expect(await edited((lines) => (lines[2] = `${lines[2]}\n${lines[2]}`))).toEqual([at('reordered', 4)])
  })
  test('an entry that is whole and of another log', async () => {
    const other = createLog()
    await other.append(6, { principal: 'eve' })
    const foreign = other.lines()
    expect(await edited((lines) => (lines[2] = foreign[2]))).toEqual([at('replaced', 3), at('replaced', 4)])
    expect(await edited((lines) => (lines[5] = foreign[5]))).toEqual([at('replaced', 6)])
    expect(await edited((lines) => lines.splice(0, 6, ...foreign))).toEqual([at('replaced', 6)])
  })

  test('a segment without its last line feed that another one follows', async () => {
    const log = createLog({ segmentBytes: 1 })
    await log.append(3)
    const { length } = readFileSync(log.path('000002.jsonl'))
    truncateSync(log.path('000002.jsonl'), length - 1)
    expect(await kinds(log)).toEqual(['unreadable 000002.jsonl:1', 'missing 000003.jsonl:1'])
  })

  test('a segment that is not a file', async () => {
    const log = createLog({ segmentBytes: 1 })
    await log.append(3)
    renameSync(log.path('000002.jsonl'), log.path('elsewhere'))
    symlinkSync('elsewhere', log.path('000002.jsonl'))
    expect(await kinds(log)).toEqual(['unreadable 000002.jsonl:0', 'missing 000003.jsonl:1'])
  })

  test('no more than fifty are listed', async () => {
    const log = createLog()
    await log.append(80)
    writeFileSync(log.path(), readFileSync(log.path(), 'utf8').replaceAll('ann', 'eve'))
    const { entries, problems, omitted } = await log.verify()
    expect([entries, problems.length, omitted]).toEqual([80, 50, 30])
  })

  test('a line without an end is one line, however long', async () => {
    const log = createLog()
    await log.append(2)
    const text = readFileSync(log.path())
    writeFileSync(log.path(), Buffer.concat([Buffer.alloc(3_000_000, '{"'), Buffer.from('\n'), text]))
    expect(await kinds(log)).toEqual(['unreadable 000001.jsonl:1'])
  })
})

describe('what is not damage', () => {
  test('no log, and one without entries', async () => {
    const { directory, verify } = createLog()
    const nothing = { entries: 0, problems: [], omitted: 0, notes: [] }
    expect(await verify()).toEqual(nothing)
    mkdirSync(directory)
    expect(await verify()).toEqual(nothing)
    writeFileSync(join(directory, '000001.jsonl'), '')
    expect(await verify()).toEqual(nothing)
  })

  test('segments that were archived, oldest first', async () => {
    const { append, names, path, verify } = createLog({ segmentBytes: 900 })
    await append(9)
    const [oldest = '', next = ''] = names()
    rmSync(path(oldest))
    const seq = Number.parseInt(next, 10)
    expect(await verify()).toMatchObject({
      first: { seq },
      problems: [],
      notes: [`The log begins at entry ${seq}: what is older is not here.`],
    })
    // But not the first lines of what is left.
    writeFileSync(path(next), readFileSync(path(next), 'utf8').replace(/^.*\n/, ''))
    expect((await verify()).problems).toMatchObject([{ segment: next, line: 1, kind: 'missing' }])
  })

  test('a head that is gone, or cannot be one', async () => {
    const { append, path, verify } = createLog()
    await append(2)
    for (const head of ['', 'x', `0${readFileSync(path('head'), 'utf8')}`, 'x'.repeat(1_000_000)]) {
      writeFileSync(path('head'), head)
      expect(await verify()).toMatchObject({ problems: [], notes: [expect.stringContaining('no "head"')] })
    }
    rmSync(path('head'))
    symlinkSync('000001.jsonl', path('head'))
    expect(await verify()).toMatchObject({ problems: [], notes: [expect.stringContaining('no "head"')] })
    await append(1)
    expect(await verify()).toMatchObject({ entries: 3, problems: [], notes: [] })
  })

  test('other files beside the segments', async () => {
    const { append, directory, verify } = createLog()
    await append(2)
    for (const name of ['000000.jsonl', '2.jsonl', '0000003.jsonl', 'notes.txt', '000002.jsonl.gz'])
      writeFileSync(join(directory, name), 'nothing')
    expect(await verify()).toMatchObject({ entries: 2, problems: [], notes: [] })
  })

  test('a line that is being written', async () => {
    const { append, path, verify } = createLog()
    await append(2)
    const head = readFileSync(path('head'))
    await append(1)
    const { length } = readFileSync(path())
    writeFileSync(path('head'), head)
    truncateSync(path(), length - 1)
    expect(await verify()).toMatchObject({ entries: 3, problems: [], notes: ['The last line is not ended.'] })
    truncateSync(path(), length - 10)
    expect(await verify()).toMatchObject({
      entries: 2,
      problems: [],
      notes: [expect.stringMatching(/^After the last entry there are \d+ bytes of an unfinished one\.$/)],
    })
  })

  test('a log to which another process appends all the while', async () => {
    const { home, verify } = createLog()
    const script = fileURLToPath(new URL('./appender.ts', import.meta.url))
    const reports: Awaited<ReturnType<typeof verify>>[] = []
    let running = true
    const appended = new Promise<string>((resolve, reject) =>
      execFile(process.execPath, ['--import', 'tsx', script, home, 'ann', '60', '2000'], (error, stdout) => {
        running = false
        if (error) reject(error)
        else resolve(stdout)
      }),
    )
    while (running) {
      reports.push(await verify())
      await new Promise(setImmediate)
    }
    expect(await appended).toBe('60')
    expect(reports.flatMap(({ problems }) => problems)).toEqual([])
    expect(await verify()).toMatchObject({ entries: 60, problems: [], notes: [] })
  })
})
