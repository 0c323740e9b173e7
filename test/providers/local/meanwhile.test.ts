import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { refusal } from '../../snapshots/world.ts'
import { differences, digest, type Picture, picture } from '../../support/oracle.ts'
import { intercept, systemFault } from './faults.ts'
import { type Workbench, workbench } from './support.ts'

/** A project that was saved and then broken in every way. */
async function broken(): Promise<{ box: Workbench; id: string; before: Picture }> {
  const box = workbench()
  for (const path of ['edited', 'untouched', 'removed', 'dir/edited', 'dir/removed', 'chmodded'])
    box.write(path, `saved ${path}`)
  const before = box.picture()
  const { id } = await box.save()
  for (const path of ['edited', 'dir/edited', 'new', 'dir/new', 'newdir/a', 'newdir/b/c'])
    box.write(path, `broken ${path}`)
  box.write('chmodded', 'saved chmodded', 0o600)
  for (const path of ['removed', 'dir/removed']) unlinkSync(box.at(path))
  return { box, id, before }
}

interface Left {
  path: string
  reason: string
}

/**
 * Restores while somebody does something right after the safety snapshot was taken. The restore has to name the paths
 * it left alone, leave there what they did (`theirs`), and restore everything else.
 */
async function interrupted(
  happen: (box: Workbench) => void,
  left: string[],
  theirs = left,
): Promise<Workbench> {
  const { box, id, before } = await broken()
  let after: Picture = new Map()
  const record = async () => {
    happen(box)
    after = box.picture()
  }
  const problem = await refusal(box.restore(id, {}, { record }), 'CONFLICT')
  expect(problem.outcome).toBe('partial')
  const { left_alone } = problem.details as { left_alone: Left[] }
  expect(left_alone.map(({ path }) => path).sort()).toEqual([...left].sort())
  expect(new Set(left_alone.map(({ reason }) => reason))).toEqual(new Set(['changed_meanwhile']))

  const now = box.picture()
  const isLeft = (path: string) => left.some((each) => path === each || path.startsWith(`${each}/`))
  const holdsLeft = (path: string) => path === '' || left.some((each) => each.startsWith(`${path}/`))
  expect(differences(before, now, { except: (path) => isLeft(path) || holdsLeft(path) })).toEqual([])
  expect(differences(after, now, { except: (path) => !theirs.includes(path) })).toEqual([])
  return box
}

describe('what somebody does between the safety snapshot and the restore', () => {
  test('an edit of a file that would be overwritten', async () => {
    const box = await interrupted(({ write }) => write('edited', 'theirs'), ['edited'])
    expect(box.read('edited')).toBe('theirs')
  })

  test('an edit of the same size with the old times', async () => {
    const box = await interrupted(
      ({ at, read, write }) => {
        const { atime, mtime } = statSync(at('dir/edited'))
        write('dir/edited', read('dir/edited').toUpperCase())
        utimesSync(at('dir/edited'), atime, mtime)
      },
      ['dir/edited'],
    )
    expect(box.read('dir/edited')).toBe('BROKEN DIR/EDITED')
  })

  test('an edit of a file whose mode would be set', async () => {
    const box = await interrupted(({ write }) => write('chmodded', 'theirs', 0o600), ['chmodded'])
    expect(box.read('chmodded')).toBe('theirs')
  })

  test('an edit of a file that would be removed', async () => {
    const box = await interrupted(({ write }) => write('new', 'theirs'), ['new'])
    expect(box.read('new')).toBe('theirs')
  })

  test('a new file where one would be written', async () => {
    const box = await interrupted(({ write }) => write('removed', 'theirs'), ['removed'])
    expect(box.read('removed')).toBe('theirs')
  })

  test('a new directory where a file would be written', async () => {
    const happen = ({ write }: Workbench) => write('removed/theirs', 'theirs')
    const box = await interrupted(happen, ['removed'], ['removed', 'removed/theirs'])
    expect(box.read('removed/theirs')).toBe('theirs')
  })

  test('a symlink where a file would be written, or instead of one', async () => {
    const box = await interrupted(
      ({ at, dir }) => {
        writeFileSync(join(dir, 'victim'), 'outside')
        symlinkSync(join(dir, 'victim'), at('removed'))
        rmSync(at('edited'))
        symlinkSync(join(dir, 'victim'), at('edited'))
      },
      ['removed', 'edited'],
    )
    expect(box.read('../victim')).toBe('outside')
  })

  test('a new file in a directory that would be removed', async () => {
    const happen = ({ write }: Workbench) => write('newdir/b/theirs', 'theirs')
    const box = await interrupted(happen, ['newdir', 'newdir/b'], ['newdir/b/theirs'])
    expect(box.read('newdir/b/theirs')).toBe('theirs')
    // What was known of it went: the safety snapshot holds that.
    expect([...picture(box.at('newdir')).keys()]).toEqual(['', 'b', 'b/theirs'])
  })

  test('a directory moved away and another put in its place', async () => {
    const { box, id } = await broken()
    const moved = join(box.dir, 'moved')
    const was = digest(picture(box.at('dir')))
    const record = async () => {
      renameSync(box.at('dir'), moved)
      box.write('dir/edited', 'theirs')
      box.write('dir/more', 'theirs too')
    }
    await refusal(box.restore(id, {}, { record }), 'CONFLICT')
    expect([box.read('dir/edited'), box.read('dir/more')]).toEqual(['theirs', 'theirs too'])
    expect(digest(picture(moved))).toBe(was)
    expect(box.read('edited')).toBe('saved edited')
  })

  test('a directory removed', async () => {
    const { box, id } = await broken()
    const record = async () => rmSync(box.at('dir'), { recursive: true })
    await refusal(box.restore(id, {}, { record }), 'CONFLICT')
    expect([...box.picture().keys()].filter((path) => path.includes('.snapshot-mcp'))).toEqual([])
  })

  test('a directory replaced by a symlink to one outside', async () => {
    const { box, id } = await broken()
    const outside = join(box.dir, 'outside')
    mkdirSync(outside)
    for (const name of ['edited', 'new', 'other']) writeFileSync(join(outside, name), 'outside')
    const before = digest(picture(outside))
    const record = async () => {
      rmSync(box.at('dir'), { recursive: true })
      symlinkSync(outside, box.at('dir'))
    }
    const problem = await refusal(box.restore(id, {}, { record }), 'CONFLICT')
    expect(digest(picture(outside))).toBe(before)
    // Either nothing at all, or everything but this one directory.
    const untouched = problem.outcome === 'not_started'
    expect(box.read('edited')).toBe(untouched ? 'broken edited' : 'saved edited')
  })

  test('an edit through another name of a linked file', async () => {
    const box = workbench()
    box.write('a', 'saved')
    linkSync(box.at('a'), box.at('b'))
    const { id } = await box.save()
    for (const name of ['a', 'b']) rmSync(box.at(name))
    box.write('a', 'broken a')
    box.write('b', 'broken b')
    const record = async () => box.write('a', 'theirs')
    const problem = await refusal(box.restore(id, {}, { record }), 'CONFLICT')
    expect((problem.details as { left_alone: Left[] }).left_alone.map(({ path }) => path)).toContain('a')
    expect(box.read('a')).toBe('theirs')
    // Never a second name for what somebody else just wrote: no snapshot ever held that.
    expect(['saved', 'broken b']).toContain(box.read('b'))
  })
})

test('nothing temporary stays behind, and an undo brings back what was there', async () => {
  const { box, id } = await broken()
  const spoilt = box.picture()
  const record = async () => box.write('removed', 'theirs')
  const problem = await refusal(box.restore(id, {}, { record }), 'CONFLICT')
  expect([...box.picture().keys()].filter((path) => path.includes('.snapshot-mcp'))).toEqual([])
  const { safety_snapshot } = problem.details as { safety_snapshot: string }
  await box.restore(safety_snapshot.slice('local:'.length))
  expect(differences(spoilt, box.picture())).toEqual([])
})

test('a restore that is not recorded does not begin', async () => {
  const { box, id } = await broken()
  const spoilt = box.picture()
  const record = () => Promise.reject(new Error('the journal is gone'))
  await expect(box.restore(id, {}, { record })).rejects.toThrow('the journal is gone')
  expect(differences(spoilt, box.picture())).toEqual([])
})

test('a late edit of a linked file, of the same size with the old times', async () => {
  const box = workbench()
  box.write('a', 'old 1')
  linkSync(box.at('a'), box.at('b'))
  const { id } = await box.save()
  const edit = (text: string) => {
    writeFileSync(box.at('a'), text)
    utimesSync(box.at('a'), 1e9, 1e9)
  }
  edit('new 1')
  const problem = await refusal(box.restore(id, {}, { record: async () => edit('LATE!') }), 'CONFLICT')
  expect(problem.outcome).toBe('partial')
  expect([box.read('a'), box.read('b')]).toEqual(['LATE!', 'LATE!'])
})

test('a directory of somebody else keeps its mode, and nothing in it gets another name', async () => {
  const box = workbench()
  box.write('dir/x', 'saved')
  chmodSync(box.at('dir'), 0o755)
  linkSync(box.at('dir/x'), box.at('z'))
  const { id } = await box.save()
  for (const path of ['dir', 'z']) rmSync(box.at(path), { recursive: true })
  const record = async () => {
    box.write('dir/x', 'private')
    chmodSync(box.at('dir'), 0o700)
  }
  await refusal(box.restore(id, {}, { record }), 'CONFLICT')
  expect(box.read('dir/x')).toBe('private')
  expect(statSync(box.at('dir')).mode & 0o777).toBe(0o700)
  expect(statSync(box.at('dir/x')).nlink).toBe(1)
})

describe('what somebody does right after a file was restored', () => {
  /** Restores ten and more files; `happen` gets the path of each as soon as it is in its place. */
  async function happening(happen: (path: string) => void) {
    const box = workbench()
    const files = Array.from({ length: 13 }, (_, n) => `file-${n}`)
    for (const path of files) box.write(path, 'saved')
    const { id } = await box.save()
    for (const path of files) box.write(path, 'broken')
    intercept(
      'renameSync',
      () => {},
      (_from, to = '') => {
        const name = to.split('/').at(-1) as string
        if (files.includes(name)) happen(box.at(name))
      },
    )
    const problem = await refusal(box.restore(id), 'CONFLICT')
    expect(problem.outcome).toBe('partial')
    return { ...problem, ...(problem.details as { differing: string[] }) }
  }

  test('shows, also where what is there now cannot be captured', async () => {
    const { message, differing } = await happening((path) => {
      if (!path.endsWith('/file-7')) return
      unlinkSync(path)
      execFileSync('mkfifo', [path])
    })
    expect(differing).toEqual(['file-7'])
    expect(message).toContain('1 path was changed by somebody else')
  })

  test('is counted to the last file, however many are listed', async () => {
    const { message, differing } = await happening((path) => writeFileSync(path, 'theirs'))
    expect(message).toContain('13 paths were changed by somebody else')
    expect(differing).toContain('file-0')
  })
})

test('what was left alone is counted to the last path, however many are listed', async () => {
  const box = workbench()
  const files = Array.from({ length: 105 }, (_, n) => `file-${n}`)
  const all = (text: string) => {
    for (const path of files) box.write(path, text)
  }
  all('saved')
  const { id } = await box.save()
  all('broken')
  const problem = await refusal(box.restore(id, {}, { record: async () => all('theirs') }), 'CONFLICT')
  expect(problem.message).toContain('105 paths were changed by somebody else')
  expect((problem.details as { left_alone: Left[] }).left_alone).toHaveLength(100)
})

describe('a disk that fails while things are moved to their places', () => {
  const FILES = ['a/f', 'b/f', 'c/f']

  async function failing(isFailing: (move: number) => boolean) {
    const box = workbench()
    for (const path of FILES) box.write(path, 'saved')
    const { id } = await box.save()
    for (const path of FILES) box.write(path, 'broken')
    const before = box.picture()
    let moves = 0
    intercept('renameSync', (path) => {
      if (path.includes('.snapshot-mcp-') && isFailing(++moves)) throw systemFault('ENOSPC')
    })
    const problem = await refusal(box.restore(id), 'NO_SPACE')
    expect([...box.picture().keys()]).toEqual(['', 'a', 'a/f', 'b', 'b/f', 'c', 'c/f'])
    return { box, id, before, problem }
  }

  test('once: what was there before is put back', async () => {
    const { box, id, before, problem } = await failing((move) => move === 3)
    expect(problem.outcome).toBe('not_started')
    expect(differences(before, box.picture())).toEqual([])
    await box.restore(id)
    expect(FILES.map(box.read)).toEqual(['saved', 'saved', 'saved'])
  })

  test('for good: it stays half done, and says so', async () => {
    const { box, problem } = await failing((move) => move >= 2)
    expect(problem.outcome).toBe('partial')
    expect(FILES.map(box.read)).toEqual(['saved', 'broken', 'broken'])
  })

  test('while a person works on: what they wrote stays', async () => {
    const box = workbench()
    for (const path of FILES) box.write(path, 'saved')
    const { id } = await box.save()
    for (const path of FILES) box.write(path, 'broken')
    let moves = 0
    intercept('renameSync', (path) => {
      if (!path.includes('.snapshot-mcp-') || ++moves !== 2) return
      box.write('a/f', 'theirs')
      throw systemFault('EIO')
    })
    const problem = await refusal(box.restore(id), 'INTERNAL')
    expect(problem.outcome).toBe('partial')
    expect(FILES.map(box.read)).toEqual(['theirs', 'broken', 'broken'])
  })
})
