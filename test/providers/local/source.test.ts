import { chmodSync, existsSync, mkdirSync, renameSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { refusal } from '../../snapshots/world.ts'
import { differences, digest, picture } from '../../support/oracle.ts'
import { makeWorkspace } from '../../support/workspace.ts'
import { context, shelf, type Workbench, workbench } from './support.ts'

async function saved(): Promise<{ box: Workbench; id: string }> {
  const box = workbench()
  makeWorkspace(box.root)
  return { box, id: (await box.save()).id }
}

const resolve = (box: Workbench, text?: string) => box.provider.resolveSource(text, context())

describe('a source that was removed', () => {
  test('comes back whole, and the undo empties it again', async () => {
    const { box, id } = await saved()
    const before = box.picture()
    rmSync(box.root, { recursive: true })
    const { safety_snapshot } = await box.restore(id)
    expect(differences(before, box.picture())).toEqual([])
    await box.restore(safety_snapshot as string)
    expect([...box.picture().keys()]).toEqual([''])
  })

  test('comes back also when the directories above it went with it', async () => {
    const box = workbench()
    const deep = join(box.root, 'projects/mine')
    mkdirSync(deep, { recursive: true })
    makeWorkspace(deep)
    const before = picture(deep)
    const { id } = await box.save({ from: deep })
    rmSync(join(box.root, 'projects'), { recursive: true })
    await box.restore(id)
    expect(differences(before, picture(deep))).toEqual([])
  })

  test('is not made again by a restore that was cancelled', async () => {
    const { box, id } = await saved()
    rmSync(box.root, { recursive: true })
    await refusal(box.restore(id, {}, { signal: AbortSignal.abort() }), 'CANCELLED')
    expect(existsSync(box.root)).toBe(false)
  })

  test('and that somebody made again after the plan: PLAN_STALE, and theirs stays', async () => {
    const { box, id } = await saved()
    rmSync(box.root, { recursive: true })
    const plan = await box.plan(id)
    box.write('theirs', 'theirs')
    await refusal(box.provider.restore(plan, context()), 'PLAN_STALE')
    expect([...box.picture().keys()]).toEqual(['', 'theirs'])
  })

  test('between plan and restore: PLAN_STALE', async () => {
    const { box, id } = await saved()
    box.write('README.md', 'edited')
    const plan = await box.plan(id)
    rmSync(box.root, { recursive: true })
    await refusal(box.provider.restore(plan, context()), 'PLAN_STALE')
    expect(existsSync(box.root)).toBe(false)
  })

  test('cannot be captured', async () => {
    const { box, id } = await saved()
    rmSync(box.root, { recursive: true })
    await refusal(box.save(), 'NOT_FOUND')
    expect(await shelf(box)).toEqual([id])
  })
})

describe('a source that was replaced', () => {
  test.each([
    ['by a symlink to a directory outside the roots', '/usr'],
    ['by a symlink to another directory inside', 'elsewhere'],
    ['by a symlink to nothing', 'nothing'],
  ])('%s is neither captured nor restored', async (_what, target) => {
    const { box, id } = await saved()
    renameSync(box.root, join(box.dir, 'elsewhere'))
    const before = digest(picture(join(box.dir, 'elsewhere')))
    symlinkSync(target.startsWith('/') ? target : join(box.dir, target), box.root)
    for (const call of [box.plan(id), box.save(), box.restore(id)]) {
      const error = await call.then(
        () => 'it went through',
        (problem: { problem?: { code: string } }) => problem.problem?.code,
      )
      expect(['POLICY_DENIED', 'INVALID_ARGUMENT', 'CONFLICT']).toContain(error)
    }
    expect(digest(picture(join(box.dir, 'elsewhere')))).toBe(before)
    expect(picture(box.root).get('')?.type).toBe('symlink')
    expect(await shelf(box)).toEqual([id])
  })

  test('by a symlink after the plan was made is not restored', async () => {
    const { box, id } = await saved()
    box.write('README.md', 'edited')
    const plan = await box.plan(id)
    renameSync(box.root, join(box.dir, 'elsewhere'))
    const before = digest(picture(join(box.dir, 'elsewhere')))
    symlinkSync(join(box.dir, 'elsewhere'), box.root)
    await refusal(box.provider.restore(plan, context()), 'POLICY_DENIED')
    expect(digest(picture(join(box.dir, 'elsewhere')))).toBe(before)
  })

  test('by a file is not restored', async () => {
    const { box, id } = await saved()
    rmSync(box.root, { recursive: true })
    box.write('../root', 'a file now')
    await refusal(box.restore(id), 'INVALID_ARGUMENT')
    expect(box.read('../root')).toBe('a file now')
  })
})

describe('what a caller writes as a source', () => {
  test('is found however it is written', async () => {
    const box = workbench()
    mkdirSync(box.at('sub'))
    const source = { kind: 'path', id: box.at('sub'), name: 'sub' }
    for (const text of [box.at('sub'), `path:${box.at('sub')}`, 'root/sub', `${box.root}/./sub/../sub/`])
      expect(await resolve(box, text)).toEqual(source)
    expect(await resolve(box)).toMatchObject({ id: box.dir })
  })

  test('is refused outside the roots, and nothing there can be probed', async () => {
    const box = workbench()
    const evil = `${box.dir}-evil`
    mkdirSync(evil)
    symlinkSync('/usr', box.at('out'))
    try {
      const problems = []
      for (const text of [
        '/',
        '/usr',
        evil,
        `${evil}/nothing`,
        '/nothing',
        `${box.dir}/../`,
        box.at('out'),
        '..',
      ])
        problems.push(await refusal(resolve(box, text), 'POLICY_DENIED'))
      expect(new Set(problems.map(({ message }) => message)).size).toBe(1)
    } finally {
      rmSync(evil, { recursive: true })
    }
  })

  test.each([
    ['a file', 'root/file', 'INVALID_ARGUMENT'],
    ['nothing', 'root/nothing', 'NOT_FOUND'],
    ['no text', '', 'INVALID_ARGUMENT'],
    ['a NUL', 'root\0', 'INVALID_ARGUMENT'],
    ['a name too long to exist', `root/${'x'.repeat(256)}`, 'INVALID_ARGUMENT'],
  ] as const)('%s is refused', async (_what, text, code) => {
    const box = workbench()
    box.write('file', '')
    await refusal(resolve(box, text), code)
  })
})

test('a source made again for chosen paths gets the mode it had', async () => {
  const box = workbench()
  box.write('a', 'saved')
  chmodSync(box.root, 0o751)
  const { id } = await box.save()
  rmSync(box.root, { recursive: true })
  await box.restore(id, { paths: ['a'] })
  expect(statSync(box.root).mode & 0o777).toBe(0o751)
})
