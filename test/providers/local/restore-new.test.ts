import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, symlinkSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { refusal } from '../../snapshots/world.ts'
import { differences, picture } from '../../support/oracle.ts'
import { makeWorkspace } from '../../support/workspace.ts'
import { intercept } from './faults.ts'
import { context, type Workbench, workbench } from './support.ts'

async function saved(): Promise<{ box: Workbench; id: string; to: string }> {
  const box = workbench()
  makeWorkspace(box.root)
  return { box, id: (await box.save()).id, to: join(box.dir, 'copy') }
}

test('a copy equals what was saved, links and times and all', async () => {
  const { box, id, to } = await saved()
  const before = box.picture()
  const result = await box.restore(id, { mode: 'new', to })
  expect(differences(before, picture(to))).toEqual([])
  expect(result.targets).toEqual([{ kind: 'path', id: to, name: 'copy' }])
  expect(result.changed).toMatchObject({ deleted: 0, metadata: 0 })
  expect(result.changed?.written).toBe(before.size - 1)
})

test('three copies are numbered, whole and independent', async () => {
  const { box, id, to } = await saved()
  const before = box.picture()
  const { targets, changed } = await box.restore(id, { mode: 'new', to: `${to}/`, count: 3 })
  expect(targets?.map((target) => target.id)).toEqual([`${to}-1`, `${to}-2`, `${to}-3`])
  expect(changed?.written).toBe(3 * (before.size - 1))
  for (const n of [1, 2, 3]) expect(differences(before, picture(`${to}-${n}`))).toEqual([])
  const inodes = [1, 2, 3].map((n) => picture(`${to}-${n}`).get('README.md')?.links)
  expect(inodes).toEqual(Array(3).fill('README.link = README.md'))
})

test('a copy can be captured and restored like any other source', async () => {
  const { box, id, to } = await saved()
  await box.restore(id, { mode: 'new', to })
  const before = picture(to)
  const copy = await box.save({ from: to })
  const between = await box.provider.diff?.({ from: id, to: copy.id, limit: 10, content: false }, context())
  expect(between?.changes).toEqual([])
  box.write('../copy/README.md', 'edited')
  await box.restore(copy.id)
  expect(differences(before, picture(to))).toEqual([])
})

test('a copy in which something came that cannot be captured is no copy', async () => {
  const box = workbench()
  for (const path of ['a', 'b/c']) box.write(path, 'saved')
  const { id } = await box.save()
  const replace = (made: string) => {
    if (!made.endsWith('/b')) return
    const staging = readdirSync(box.dir).find((name) => name.startsWith('.snapshot-mcp-')) as string
    unlinkSync(join(box.dir, staging, 'a'))
    execFileSync('mkfifo', [join(box.dir, staging, 'a')])
  }
  intercept('mkdirSync', () => {}, replace)
  const { message } = await refusal(box.restore(id, { mode: 'new', to: join(box.dir, 'copy') }), 'CONFLICT')
  expect(message).toContain('removed again: a.')
  expect(readdirSync(box.dir).sort()).toEqual(['home', 'root'])
})

describe('a place where no copy can be made', () => {
  test.each([
    ['something is there', 'root', 'ALREADY_EXISTS'],
    ['a dangling link is there', 'link', 'ALREADY_EXISTS'],
    ['its parent is not there', 'no/such/parent', 'NOT_FOUND'],
    ['its parent is a file', 'root/README.md/copy', 'INVALID_ARGUMENT'],
    ['its name is too long', 'x'.repeat(256), 'INVALID_ARGUMENT'],
    ['it is outside', '../copy', 'POLICY_DENIED'],
    ['it is outside through a link', 'out/copy', 'POLICY_DENIED'],
    ['it looks like a root and is not', '../root-evil', 'POLICY_DENIED'],
  ] as const)('%s', async (_what, path, code) => {
    const { box, id } = await saved()
    symlinkSync('/nowhere', join(box.dir, 'link'))
    symlinkSync('/tmp', join(box.dir, 'out'))
    const before = readdirSync(box.dir)
    await refusal(box.plan(id, { mode: 'new', to: `${box.dir}/${path}` }), code)
    expect(readdirSync(box.dir)).toEqual(before)
  })

  test.each([undefined, 'relative', './copy', ''])('%j names none', async (to) => {
    const { box, id } = await saved()
    await refusal(box.plan(id, { mode: 'new', ...(to !== undefined && { to }) }), 'INVALID_ARGUMENT')
  })

  test('one of several is taken: none is made', async () => {
    const { box, id, to } = await saved()
    mkdirSync(`${to}-2`)
    await refusal(box.plan(id, { mode: 'new', to, count: 3 }), 'ALREADY_EXISTS')
    expect(readdirSync(box.dir).filter((name) => name.startsWith('copy'))).toEqual(['copy-2'])
  })

  test('it was taken after the plan was made: what is there stays', async () => {
    const { box, id, to } = await saved()
    const plan = await box.plan(id, { mode: 'new', to })
    mkdirSync(to)
    box.write('../copy/theirs', 'theirs')
    await refusal(box.provider.restore(plan, context()), 'ALREADY_EXISTS')
    expect([...picture(to).keys()]).toEqual(['', 'theirs'])
  })
})
