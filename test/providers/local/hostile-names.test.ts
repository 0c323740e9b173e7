import { describe, expect, test } from 'vitest'
import { createWriter, type Writer } from '../../../src/providers/local/bytes.ts'
import { fromText } from '../../../src/providers/local/names.ts'
import type { Entry } from '../../../src/providers/local/tree.ts'
import { picture } from '../../support/oracle.ts'
import { type Forge, sha256 } from './forge.ts'
import { DONE, REFUSED, smallHeap, survive } from './siege.ts'

describe('names', () => {
  const bad: [string, (f: Forge) => Entry[]][] = [
    ...[
      '../x',
      'a/../../x',
      '/abs',
      'a/b',
      '.',
      '..',
      '',
      'nul\0',
      `${'x'.repeat(256)}`,
      'x'.repeat(5000),
    ].map((name): [string, (f: Forge) => Entry[]] => [
      JSON.stringify(name.slice(0, 20)),
      (f) => [f.file(name, 'x')],
    ]),
    ['a directory called ..', (f) => [f.directory('..', [f.file('escaped', 'x')])]],
    ['a link called ../beside', (f) => [f.symlink('../beside', 'secret')]],
    ['something left out that is called ..', () => [{ type: 'skipped', name: '..', reason: 'fifo' }]],
    ['twice the same', (f) => [f.file('a', '1'), f.file('a', '2')]],
    ['a link, and a directory behind it', (f) => [f.symlink('a', '../outside'), f.directory('a', [])]],
    ['not in order', (f) => [f.file('b', '1'), f.file('a', '2')]],
  ]
  test.each(bad)('%s: refused', async (_what, entries) => {
    const { answers } = await survive((f) => f.snapshot(f.tree(entries(f))))
    expect(answers).toMatchObject({ list: 'done', get: 'done', diff: 'CORRUPT', ...REFUSED, verify: 'done' })
  })

  test('that only other systems take for paths, and awkward ones, are restored as they are', async () => {
    const names = [
      'C:\\x',
      '\\\\srv\\x',
      'a\\..\\..\\x',
      'CON',
      'dot.',
      'space ',
      '-rf',
      '\x1b[31m',
      'new\nline',
    ]
      .concat(['\u202etxt', 'caf\u00e9', 'cafe\u0301', 'Case', 'case', '...', 'x'.repeat(255)].map(fromText))
      .concat(['\xff\xfe', 'half\xc3'])
      .sort()
    const { at } = await survive((f) => {
      const files = names.map((name) => f.file(name, name))
      return f.snapshot(f.tree(files))
    })
    expect([...picture(at.copy).keys()].slice(1)).toEqual(names)
  })
})

describe('symbolic links', () => {
  test('lead nowhere that a restore goes', async () => {
    const { at, answers } = await survive((f) =>
      f.snapshot(
        f.tree([
          f.symlink('dangling', 'nowhere'),
          f.symlink('dir', '../outside/dir'),
          f.symlink('etc', '/etc'),
          f.symlink('kept', '../outside/secret'),
          f.directory('link', [
            f.file('dir', 'what the live link leads to is a directory'),
            f.file('secret', 'x'),
          ]),
          f.symlink('loop', 'loop'),
          f.symlink('up', '../..'),
        ]),
      ),
    )
    expect(answers).toMatchObject(DONE)
    expect(at.box.read('link/secret')).toBe('x')
    expect(at.box.picture().get('kept')).toMatchObject({ type: 'symlink', target: '../outside/secret' })
  })

  test.each([
    ['an empty target', ''],
    ['a NUL in the target', 'a\0b'],
  ])('%s is refused', async (_what, target) => {
    const { answers } = await survive((f) => f.snapshot(f.tree([f.symlink('a', target)])))
    expect(answers).toMatchObject(REFUSED)
  })

  test('a target longer than any path is an error of ours', async () => {
    const { answers } = await survive((f) => f.snapshot(f.tree([f.symlink('a', 'x'.repeat(70_000))])))
    expect(answers.new).not.toBe('done')
  })
})

describe('hard links', () => {
  const groups: [string, string[][]][] = [
    ['up and out', [['../beside', 'file']]],
    ['to an absolute path', [['/etc/passwd', 'file']]],
    ['to nothing', [['', 'file']]],
    ['through a link', [['link/secret', 'file']]],
    ['through a longer way', [['file', 'link/../secret']]],
    ['to a link', [['link', 'file']]],
    ['to a directory', [['dir', 'file']]],
    ['to what is not in the snapshot', [['absent', 'file']]],
    ['to what is only in the source', [['kept', 'same']]],
    ['to a later entry', [['same', 'file']]],
    ['of different files', [['file', 'other']]],
  ]
  test.each(groups)('%s: no file gets what is not its own', async (_what, list) => {
    const { at, answers } = await survive((f) => {
      const files = [
        f.directory('dir', []),
        f.file('file', 'one'),
        f.symlink('link', '../outside'),
        f.file('other', 'two'),
        f.file('same', 'one'),
      ]
      return f.snapshot(f.tree(files), { links: f.links(list) })
    })
    expect(['CORRUPT', 'CONFLICT']).toContain(answers['in place'])
    expect(['CORRUPT', 'CONFLICT']).toContain(answers.new)
    for (const path of ['file', 'same']) {
      const entry = at.box.picture().get(path)
      if (entry) expect(entry.sha256).toBe(sha256(Buffer.from('one')))
    }
  })

  const inTwo = { files: 2, directories: 1, links: 0, bytes_captured: 0, bytes_reused: 0 }
  test.each<[string, string[][]]>([
    ['a group of one', [['file']]],
    ['an empty group', [[]]],
    ['more names than the snapshot has files', [['file', 'same', 'third']]],
    [
      'more names in all',
      [
        ['file', 'same'],
        ['file', 'same'],
      ],
    ],
  ])('a list with %s is refused before it takes memory', async (_what, list) => {
    const { answers } = await survive((f) => {
      const receipt = { ...inTwo, skipped: [], changed_during_read: [] }
      const tree = f.tree([f.file('file', 'one'), f.file('same', 'one')])
      return f.snapshot(tree, { links: f.links(list), receipt })
    })
    expect(answers).toMatchObject({ ...REFUSED, diff: 'CORRUPT', verify: 'done' })
  })

  test('more names than this process has memory for are refused, whatever the manifest says', async () => {
    smallHeap()
    const { answers } = await survive((f) => {
      const names = Array.from({ length: 60_000 }, (_, n) => `${n}`)
      return f.snapshot(f.tree([f.file('file', 'one')]), { links: f.links([names]) })
    })
    const code = 'UNSUPPORTED'
    expect(answers).toMatchObject({ new: code, 'in place': code, diff: code, verify: 'done' })
  })

  test('that go twice to one path, or only to nowhere else, do no harm', async () => {
    for (const list of [[['file', 'file']], [['absent', 'gone']]])
      await survive((f) =>
        f.snapshot(f.tree([f.file('file', 'one'), f.file('same', 'one')]), { links: f.links(list) }),
      )
  })

  test.each([
    ['claims more groups than there are bytes', (w: Writer) => w.varint(2 ** 53 - 1)],
    [
      'claims more members than there are bytes',
      (w: Writer) => {
        w.varint(1)
        w.varint(2 ** 53 - 1)
      },
    ],
    ['ends early', () => {}],
  ])('a list that %s is refused', async (_what, write) => {
    const { answers } = await survive((f) => {
      const writer = createWriter()
      writer.raw(Buffer.from('SHL1'))
      write(writer)
      return f.snapshot(f.tree([f.file('file', 'one')]), { links: f.put(writer.view()) })
    })
    expect(answers).toMatchObject(REFUSED)
  })
})
