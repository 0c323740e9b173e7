import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  linkSync,
  mkdirSync,
  rmSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { differences, digest, picture } from '../../support/oracle.ts'
import { remove } from '../../support/sandbox.ts'
import { type Workbench, workbench, workbenchIn } from './support.ts'

/** Which names are one file, and what is in each file: `a,b=one c=two` is two files under three names. */
function arrange({ root }: Pick<Workbench, 'root'>, what: string): void {
  for (const name of ['a', 'b', 'c', 'd']) rmSync(join(root, name), { force: true })
  for (const file of what.split(' ').filter((part) => part !== '')) {
    const [names = '', text = ''] = file.split('=')
    const [first, ...others] = names.split(',') as [string, ...string[]]
    writeFileSync(join(root, first), text)
    for (const other of others) linkSync(join(root, first), join(root, other))
  }
}

const ARRANGEMENTS = [
  '',
  'a=one b=one',
  'a,b=one',
  'a,b=two',
  'a=one b=two',
  'b=one',
  'a,b,c=one',
  'a,b=one c=one',
  'a,c=one b=one',
  'b,c=one a=two',
  'a,b=one c,d=one',
  'a,c=one b,d=two',
]

describe.each(ARRANGEMENTS)('saved as "%s"', (saved) => {
  test.each(ARRANGEMENTS)('restored over "%s"', async (live) => {
    const box = workbench()
    arrange(box, saved)
    const before = box.picture()
    const { id } = await box.save()
    arrange(box, live)
    const spoilt = box.picture()
    const { safety_snapshot } = await box.restore(id)
    expect(differences(before, box.picture())).toEqual([])
    // Where there was nothing to do there is nothing to undo.
    if (safety_snapshot !== undefined) await box.restore(safety_snapshot)
    expect(differences(spoilt, box.picture())).toEqual([])
  })
})

test.each<[string, (box: Workbench) => void]>([
  ['the time was changed', (box) => utimesSync(box.at('one/name'), 1, 1)],
  ['the content was changed', (box) => box.write('one/name', 'changed')],
  ['one was removed', (box) => rmSync(box.at('one/name'))],
  ['the other was removed', (box) => rmSync(box.at('two/name'))],
  [
    'they are two files now',
    (box) => {
      rmSync(box.at('two/name'))
      box.write('two/name', 'linked')
    },
  ],
])('names in two directories, and %s', async (_, change) => {
  const box = workbench()
  box.write('one/name', 'linked')
  mkdirSync(box.at('two'))
  linkSync(box.at('one/name'), box.at('two/name'))
  const before = box.picture()
  const { id } = await box.save()
  change(box)
  await box.restore(id)
  expect(differences(before, box.picture())).toEqual([])
})

test('a linked file whose mode alone changed gets it back, under all its names', async () => {
  const box = workbench()
  arrange(box, 'a,b,c=one')
  const before = box.picture()
  const { id } = await box.save()
  chmodSync(box.at('b'), 0o600)
  await box.restore(id)
  expect(differences(before, box.picture())).toEqual([])
})

describe('a restore of one name', () => {
  test('of a linked file leaves the others as they are', async () => {
    const box = workbench()
    arrange(box, 'a,b,c=one')
    const { id } = await box.save()
    arrange(box, 'a,b,c=two')
    await box.restore(id, { paths: ['a'] })
    expect(['a', 'b', 'c'].map(box.read)).toEqual(['one', 'two', 'two'])
  })

  test('changes no metadata of a name that was not asked for', async () => {
    const box = workbench()
    arrange(box, 'a=one b=one')
    chmodSync(box.at('a'), 0o640)
    chmodSync(box.at('b'), 0o600)
    const { id } = await box.save()
    // Now both are one file with the mode of b.
    unlinkSync(box.at('a'))
    linkSync(box.at('b'), box.at('a'))
    await box.restore(id, { paths: ['a'] })
    expect(statSync(box.at('a')).mode & 0o777).toBe(0o640)
    expect(statSync(box.at('b')).mode & 0o777).toBe(0o600)
  })

  test('that was removed brings it back without touching the rest', async () => {
    const box = workbench()
    arrange(box, 'a,b=one')
    const { id } = await box.save()
    arrange(box, 'a=two')
    await box.restore(id, { paths: ['b'] })
    expect(['a', 'b'].map(box.read)).toEqual(['two', 'one'])
  })

  test('with all the others links them again', async () => {
    const box = workbench()
    arrange(box, 'a,b=one')
    const before = box.picture()
    const { id } = await box.save()
    arrange(box, 'a=two b=three')
    await box.restore(id, { paths: ['a', 'b'] })
    expect(differences(before, box.picture(), { except: (path) => path === '' })).toEqual([])
  })
})

describe('when the first name of a group is in the way', () => {
  test('of a FIFO, the others come back as files', async () => {
    const box = workbench()
    arrange(box, 'a,b=one')
    const { id } = await box.save()
    arrange(box, '')
    execFileSync('mkfifo', [box.at('a')])
    const { warnings } = await box.restore(id)
    expect(warnings.join()).toContain('a')
    expect(box.picture().get('a')?.type).toBe('fifo')
    expect(box.picture().get('b')).toMatchObject({ type: 'file', size: 3 })
  })

  test('of a directory that holds something not captured, the others come back as files', async () => {
    const box = workbench()
    arrange(box, 'a,b=one')
    const { id } = await box.save()
    arrange(box, '')
    mkdirSync(box.at('a'))
    execFileSync('mkfifo', [box.at('a/pipe')])
    await box.restore(id).catch(() => {})
    expect(box.picture().get('a/pipe')?.type).toBe('fifo')
    expect(box.picture().get('b')).toMatchObject({ type: 'file', size: 3 })
  })
})

test('a file with a name outside the source is never written to through ours', async () => {
  const name = fc.constantFrom('a', 'b', 'c')
  const edit = fc.oneof(
    fc.record({ do: fc.constant('link' as const), name, to: fc.nat(1) }),
    fc.record({
      do: fc.constant('write' as const),
      name,
      text: fc.constantFrom('one', 'two', 'longer text'),
    }),
    fc.record({ do: fc.constant('chmod' as const), name, mode: fc.constantFrom(0o600, 0o644, 0o755) }),
    fc.record({ do: fc.constant('remove' as const), name }),
  )
  const edits = fc.array(edit, { maxLength: 6 })
  const box = workbench()
  let run = 0
  await fc.assert(
    fc.asyncProperty(edits, edits, fc.boolean(), async (first, second, subset) => {
      const dir = join(box.dir, `run-${run++}`)
      mkdirSync(dir)
      const inner = workbenchIn(dir)
      const outside = join(dir, 'outside')
      mkdirSync(outside)
      for (const n of [0, 1]) writeFileSync(join(outside, `${n}`), `outside ${n}`)
      const apply = (list: typeof first) => {
        for (const step of list) {
          const at = inner.at(step.name)
          // As an editor does it: a new file in the place of the old, or it would write outside itself.
          if (step.do !== 'chmod') rmSync(at, { force: true })
          if (step.do === 'link') linkSync(join(outside, `${step.to}`), at)
          else if (step.do === 'write') writeFileSync(at, step.text)
          else if (step.do === 'chmod') {
            if (statSync(at, { throwIfNoEntry: false })?.nlink === 1) chmodSync(at, step.mode)
          }
        }
      }
      apply(first)
      const before = inner.picture()
      const { id } = await inner.save()
      apply(second)
      const untouched = picture(outside)
      const present = ['a', 'b', 'c'].filter((each) => before.has(each))
      const paths = subset && present.length > 0 ? { paths: present.slice(0, 1) } : {}
      await inner.restore(id, paths)
      expect(digest(picture(outside))).toBe(digest(untouched))
      const inScope = (path: string) => !('paths' in paths) || paths.paths.includes(path)
      // That a name shares its file with one outside is not part of a snapshot.
      const except = (path: string) => path === '' || !inScope(path)
      expect(
        differences(before, inner.picture(), { except }).filter((line) => !/: links /.test(line)),
      ).toEqual([])
      await inner.provider.close?.()
      remove(dir)
    }),
    { numRuns: 60 },
  )
})

test('a file of very many names is planned without comparing each with each', async () => {
  const box = workbench()
  box.write('dir/first', 'saved')
  for (let n = 0; n < 20_000; n++) linkSync(box.at('dir/first'), box.at(`dir/name-${n}`))
  const { id } = await box.save()
  chmodSync(box.at('dir/first'), 0o600)
  const { effects } = await box.plan(id, { paths: ['dir'] })
  expect(effects).toMatchObject({ written: 0, deleted: 0, metadata: 1 })
})
