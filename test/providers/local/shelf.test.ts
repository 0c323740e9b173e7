import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { refusal } from '../../snapshots/world.ts'
import { digest, picture } from '../../support/oracle.ts'
import { context, native, workbench } from './support.ts'

/** One store, two projects, and for each a server that is allowed only its own. */
async function neighbours() {
  const box = workbench()
  const [mine, theirs] = ['mine', 'theirs'].map((name) => join(box.dir, name)) as [string, string]
  for (const root of [mine, theirs]) {
    mkdirSync(root)
    writeFileSync(join(root, 'secret.txt'), `of ${root}`)
  }
  const me = box.open({ roots: [mine] })
  const { id: own } = await box.save({ from: mine })
  const { id: foreign } = await box.save({ from: theirs })
  return { box, me, mine, theirs, own, foreign }
}

test('a server lists and offers only what belongs to its roots', async () => {
  const { me, mine, own } = await neighbours()
  const query = { include_auto: true, include_trashed: true, limit: 100 }
  expect((await me.list(query, context())).items.map(native)).toEqual([own])
  expect((await me.sources({ limit: 100 }, context())).items.map(({ id }) => id)).toEqual([mine])
  expect((await me.health(context())).usage).toMatchObject({ snapshots: 1 })
})

test('the snapshot of another project answers exactly like one that does not exist', async () => {
  const { box, me, mine, theirs, own, foreign } = await neighbours()
  const nobody = '0123456789abcdef0123456789abcdef'
  const before = digest(picture(box.dir))
  const calls: ((id: string) => Promise<unknown>)[] = [
    async (id) => me.get(id, context()),
    async (id) => me.diff?.({ from: id, limit: 10, content: true }, context()),
    async (id) => me.diff?.({ from: own, to: id, limit: 10, content: true }, context()),
    async (id) => me.planRestore({ snapshot: id, mode: 'in_place', count: 1 }, context()),
    async (id) => me.planRestore({ snapshot: id, mode: 'new', to: join(mine, 'copy'), count: 1 }, context()),
    async (id) => me.planDelete([id], context()),
    async (id) => me.undelete?.([id], context()),
    async (id) => me.update?.(id, { name: 'stolen' }, context()),
    async (id) => me.unprotect?.(id, context()),
  ]
  for (const call of calls) {
    const [missing, hidden] = [
      await refusal(call(nobody), 'NOT_FOUND'),
      await refusal(call(foreign), 'NOT_FOUND'),
    ]
    expect(hidden.message.replace(foreign, nobody)).toBe(missing.message)
    expect(hidden.hint).toBe(missing.hint)
    expect(JSON.stringify(hidden)).not.toContain(theirs)
  }
  expect(digest(picture(box.dir))).toBe(before)
})

test('a server without roots sees nothing and says what is missing', async () => {
  const { box } = await neighbours()
  const none = box.open({ roots: [], rootsProblem: 'The working directory is refused.' })
  expect((await none.list({ include_auto: true, include_trashed: true, limit: 9 }, context())).items).toEqual(
    [],
  )
  const { healthy, error } = await none.health(context())
  expect(healthy).toBe(false)
  expect(error?.message).toMatch(/The working directory is refused\..*SNAPSHOT_MCP_ROOTS/)
  const problem = await refusal(none.resolveSource(undefined, context()), 'POLICY_DENIED')
  expect(problem.hint).toContain('SNAPSHOT_MCP_ROOTS')
})
