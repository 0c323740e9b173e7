import { describe, expect, test } from 'vitest'
import { createModel, type Step } from '../../scripts/crash/power-loss/model.ts'
import { randomFrom } from '../../scripts/crash/random.ts'

const HOME = '/home'
const bytes = (text: string) => Buffer.from(text)

/** What a file may hold after a power cut, `null` for no such name; each possibility once. */
function possible(steps: Step[], path: string, initial: [string, Buffer | null][] = []): (string | null)[] {
  const model = createModel(HOME, new Map([[HOME, null], ...initial]))
  for (const step of steps) model.apply(step)
  const found = model.states(randomFrom(1)).map(({ entries }) => entries.get(path)?.toString() ?? null)
  return [...new Set(found)].sort()
}

const write = (path: string, text: string): Step[] => [
  { do: 'create', path },
  { do: 'write', path, at: 0, bytes: bytes(text) },
]

describe('a file system that keeps only what it promised', () => {
  test('loses a new file by name, or by content, or half of it', () => {
    const found = possible(write('/home/a', 'text'), '/home/a')
    expect(found).toEqual(expect.arrayContaining([null, '', 'te', 'text', '\0\0\0\0']))
  })

  test('keeps what was synced, the name apart from the content', () => {
    const synced: Step[] = [...write('/home/a', 'text'), { do: 'sync', path: '/home/a' }]
    expect(possible(synced, '/home/a')).toEqual(['text', null].sort())
    expect(possible([...synced, { do: 'sync', path: HOME }], '/home/a')).toEqual(['text'])
  })

  test('a rename over a file leaves the old or the new one', () => {
    const steps: Step[] = [
      ...write('/home/new', 'new'),
      { do: 'sync', path: '/home/new' },
      { do: 'rename', from: '/home/new', to: '/home/old' },
    ]
    expect(possible(steps, '/home/old', [['/home/old', bytes('old')]])).toEqual(['new', 'old'])
    expect(
      possible([...steps, { do: 'sync', path: HOME }], '/home/old', [['/home/old', bytes('old')]]),
    ).toEqual(['new'])
  })

  test('a rename between directories never loses the file', () => {
    const initial: [string, Buffer | null][] = [
      ['/home/a', null],
      ['/home/a/file', bytes('text')],
      ['/home/b', null],
    ]
    for (const synced of [[], ['/home/a'], ['/home/b'], ['/home/b', '/home/a']]) {
      const model = createModel(HOME, new Map([[HOME, null], ...initial]))
      model.apply({ do: 'rename', from: '/home/a/file', to: '/home/b/file' })
      for (const path of synced) model.apply({ do: 'sync', path })
      for (const { entries } of model.states(randomFrom(1))) {
        expect(entries.has('/home/a/file') || entries.has('/home/b/file')).toBe(true)
        if (synced.length > 0) expect(entries.has('/home/b/file')).toBe(true)
      }
    }
  })

  test('what is in a lost directory is lost, and a removal may be undone', () => {
    const made: Step[] = [
      { do: 'mkdir', path: '/home/d' },
      ...write('/home/d/a', 'x'),
      { do: 'sync', path: '/home/d/a' },
      { do: 'sync', path: '/home/d' },
    ]
    expect(possible(made, '/home/d/a')).toEqual(['x', null].sort())
    expect(possible([{ do: 'remove', path: '/home/a' }], '/home/a', [['/home/a', bytes('x')]])).toEqual(
      ['x', null].sort(),
    )
  })

  test('blocks of one write may arrive apart', () => {
    const [old, fresh] = ['o', 'n'].map((letter) => letter.repeat(10_000)) as [string, string]
    const found = possible([{ do: 'write', path: '/home/a', at: 0, bytes: bytes(fresh) }], '/home/a', [
      ['/home/a', bytes(old)],
    ])
    expect(found).toContain(old.slice(0, 4096) + fresh.slice(0, 4096) + old.slice(0, 1808))
  })
})
