import { expect, test } from 'vitest'
import type { Change } from '../../../src/snapshots/model.ts'
import { refusal } from '../../snapshots/world.ts'
import { content } from '../../support/trees.ts'
import { context, type Workbench, workbench } from './support.ts'

/** The change at the only path that differs. */
async function changed(box: Workbench, before: () => void, after: () => void): Promise<Change> {
  before()
  const { id } = await box.save()
  after()
  const { changes } = (await box.provider.diff?.({ from: id, limit: 10, content: true }, context()))!
  expect(changes).toHaveLength(1)
  return changes[0] as Change
}

const lines = (count: number, special: Record<number, string> = {}) =>
  Array.from({ length: count }, (_, n) => `${special[n] ?? `line ${n}`}\n`).join('')

test('an edit is shown as a unified diff with three lines around it', async () => {
  const box = workbench()
  const change = await changed(
    box,
    () => box.write('a.txt', lines(20)),
    () => box.write('a.txt', lines(20, { 10: 'edited' })),
  )
  expect(change.diff).toBe(
    [
      '@@ -8,7 +8,7 @@',
      ...[' line 7', ' line 8', ' line 9', '-line 10', '+edited', ' line 11', ' line 12', ' line 13'],
    ].join('\n'),
  )
})

test('an added and a removed file are shown whole', async () => {
  const box = workbench()
  const { id: without } = await box.save()
  box.write('new.txt', 'here\n')
  const { id: having } = await box.save()
  const diff = async (from: string, to: string) =>
    (await box.provider.diff?.({ from, to, limit: 10, content: true }, context()))?.changes
  const added = { path: 'new.txt', kind: 'added', diff: '@@ -0,0 +1,1 @@\n+here' }
  expect(await diff(without, having)).toMatchObject([added])
  const removed = { path: 'new.txt', kind: 'removed', diff: '@@ -1,1 +0,0 @@\n-here' }
  expect(await diff(having, without)).toMatchObject([removed])
})

test('a change of metadata alone has no text', async () => {
  const box = workbench()
  const change = await changed(
    box,
    () => box.write('run.sh', '#!/bin/sh\n', 0o644),
    () => box.write('run.sh', '#!/bin/sh\n', 0o755),
  )
  expect(change).toMatchObject({ mode_before: '0644', mode_after: '0755' })
  expect(change.aspects).toContain('mode')
  expect(change.aspects).not.toContain('content')
  expect(change).not.toHaveProperty('diff')
  expect(change).not.toHaveProperty('diff_omitted')
})

test.each([
  ['binary', 'model.bin', content(4000, 1), content(4000, 2)],
  ['too_large', 'huge.txt', 'a\n'.repeat(300_000), 'b\n'.repeat(300_000)],
  ['too_large', 'rewritten.txt', lines(9000), 'other\n'.repeat(9000)],
  ['redacted', '.env', 'KEY=one\n', 'KEY=two\n'],
] as const)('%s is said instead of a text', async (why, path, before, after) => {
  const box = workbench()
  const change = await changed(
    box,
    () => box.write(path, before),
    () => box.write(path, after),
  )
  expect(change.diff_omitted).toBe(why)
  expect(change).not.toHaveProperty('diff')
})

test('a long text is cut, and says by how much', async () => {
  const box = workbench()
  const change = await changed(
    box,
    () => box.write('a.txt', ''),
    () => box.write('a.txt', lines(2000)),
  )
  expect(change.diff?.length).toBeLessThan(8100)
  expect(change.diff).toMatch(/\n\[cut: \d+ more characters\]$/)
})

test('a private key is not shown piece by piece either', async () => {
  const box = workbench()
  const body = content(2000, 5).toString('base64').match(/.{64}/g) as string[]
  const key = (middle: string) =>
    [
      ...['intro', ['-----BEGIN', 'PRIVATE', 'KEY-----'].join(' ')],
      ...body.slice(0, 20),
      middle,
      ...body.slice(20),
      ['-----END', 'PRIVATE', 'KEY-----'].join(' '),
    ].join('\n')
  const change = await changed(
    box,
    () => box.write('notes.txt', key('one')),
    () => box.write('notes.txt', key('two')),
  )
  // The edit is far from the line that says what this is.
  for (const line of body) expect(change.diff ?? '').not.toContain(line)
})

const unlike = (from: number) => Array.from({ length: 20_000 }, (_, n) => `${from + n}\n`).join('')

test('a cancellation is heard between one file and the next', async () => {
  const box = workbench()
  const paths = Array.from({ length: 10 }, (_, n) => `${n}.txt`)
  for (const path of paths) box.write(path, unlike(100_000))
  const { id } = await box.save()
  for (const path of paths) box.write(path, unlike(200_000))
  const cancel = new AbortController()
  setImmediate(() => cancel.abort())
  const request = { from: id, limit: 100, content: true }
  await refusal(box.provider.diff!(request, context({ signal: cancel.signal })), 'CANCELLED')
})

test('a source that is itself a directory of secrets shows none', async () => {
  const box = workbench()
  const path = '.docker/config.json'
  box.write(path, 'one')
  const { id } = await box.save({ from: box.at('.docker') })
  box.write(path, 'two')
  const { changes } = await box.provider.diff!({ from: id, limit: 10, content: true }, context())
  expect(changes).toMatchObject([{ path: 'config.json', diff_omitted: 'redacted' }])
})
