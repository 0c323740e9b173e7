import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { confirmed, problem } from '../../support/confirm.ts'
import { HTTP_CLIENTS, startHttp } from '../../support/http.ts'
import { differences, picture } from '../../support/oracle.ts'
import { httpWorld } from './world.ts'

const world = httpWorld()

test('replicas that share no state refuse what destroys, say why in the log, and save and read all the same', async () => {
  const [root, home] = [world.directory('root'), world.directory('home')]
  const file = join(root, 'file')
  writeFileSync(file, 'saved')
  // One alone may: what it does here is there to be undone.
  const alone = await startHttp(world.options({ roots: [root], home }))
  const first = await world.open('SDK v2', alone.url)
  const { snapshot: good } = await first.call('snapshot_create')
  writeFileSync(file, 'changed')
  const { undo } = await confirmed(first, 'snapshot_restore', { snapshot: good.id })
  expect(await alone.stop()).toBe(0)
  writeFileSync(file, 'changed again')

  const server = await world.serve({ roots: [root], home, args: ['--replicas', '2'] })
  expect(server.process.stderr.join('\n')).toMatch(/"level":"warn".*share no state.*--state redis/)
  for (const kind of HTTP_CLIENTS) {
    const client = await world.open(kind, server.url)
    const { snapshot } = await client.call('snapshot_create', { name: kind })
    const before = picture(root)
    for (const [tool, args] of [
      ['snapshot_restore', { snapshot: good.id }],
      ['snapshot_delete', { snapshots: [good.id] }],
      ['snapshot_undo', { operation: undo!.operation }],
      ['snapshot_prune', { keep_last: 1, dry_run: false }],
    ] as const) {
      const refused = await problem(client, tool, args)
      expect([tool, refused.code, refused.outcome]).toEqual([tool, 'POLICY_DENIED', 'not_started'])
      expect(refused.message).toContain('Nothing was changed')
    }
    expect(differences(before, picture(root))).toEqual([])
    const { changes } = await client.call('snapshot_diff', { from: good.id })
    expect(changes).toMatchObject([{ path: 'file' }])
    const { items } = await client.call('snapshot_list')
    expect(items.map(({ id }) => id)).toEqual(expect.arrayContaining([good.id, snapshot.id]))
  }
})
