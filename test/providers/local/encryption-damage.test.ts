import { copyFileSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { refusal } from '../../snapshots/world.ts'
import { differences, digest, picture } from '../../support/oracle.ts'
import { again, filled, restore, storeOf } from './encrypted.ts'
import { context, native, shelf, type Workbench } from './support.ts'

/** What is left of an encrypted store after `spoil` got at its files, as a new process finds it. */
async function damaged(spoil: (box: Workbench, ids: { first: string; second: string }) => void) {
  const { box, before, first, second } = await filled()
  const live = box.picture()
  await box.provider.close?.()
  spoil(box, { first: first.id, second: second.id })
  return { box, before, live, first: first.id, second: second.id, fresh: box.open() }
}

/** The one that holds the first snapshot, where there are two. */
function largest(box: Workbench, folder: string, end: string): string {
  const [found] = readdirSync(join(storeOf(box), folder))
    .filter((name) => name.endsWith(end))
    .map((name) => join(storeOf(box), folder, name))
    .sort((a, b) => statSync(b).size - statSync(a).size)
  return found as string
}

function flip(path: string, at = 0.5): void {
  const bytes = readFileSync(path)
  const byte = Math.floor(bytes.length * at)
  bytes[byte] = (bytes[byte] as number) ^ 1
  writeFileSync(path, bytes)
}

const ofSnapshot = (box: Workbench, folder: string, id: string) => join(storeOf(box), folder, `${id}.json`)

describe('one damaged byte', () => {
  test.each([0, 0.02, 0.5, 0.9999])(
    'of a manifest, at %d of it: CORRUPT, the other stays usable',
    async (at) => {
      const { box, fresh, first, second, live } = await damaged((box, { first }) =>
        flip(ofSnapshot(box, 'snapshots', first), at),
      )
      await refusal(fresh.get(first, context()), 'CORRUPT')
      await refusal(restore(fresh, first), 'CORRUPT')
      const query = { include_auto: false, include_trashed: false, limit: 10 }
      const { items } = await fresh.list(query, context())
      expect(items.map(({ id, state }) => [id, state])).toEqual([
        [`local:${second}`, 'ready'],
        [`local:${first}`, 'failed'],
      ])
      box.write('dir/more.txt', 'broken')
      await restore(fresh, second)
      expect(differences(live, box.picture())).toEqual([])
    },
  )

  test('of the details costs the name, and protects the snapshot', async () => {
    const { box, fresh, first, before } = await damaged((box, { first }) =>
      flip(ofSnapshot(box, 'details', first)),
    )
    expect(await fresh.get(first, context())).toMatchObject({ state: 'ready', protected: true })
    await restore(fresh, first)
    expect(differences(before, box.picture())).toEqual([])
  })

  test('of the last scan costs time only', async () => {
    const { box, fresh, live } = await damaged((box) => flip(largest(box, 'cache', '.scan')))
    const { snapshot, receipt } = await fresh.create(again(box), context())
    expect(receipt?.bytes_captured).toBe(0)
    const to = join(box.dir, 'copy')
    await restore(fresh, native(snapshot), { to })
    expect(differences(live, picture(to))).toEqual([])
  })

  test.each(['.idx', '.pack'])(
    'of the %s of one pack: CORRUPT for what it held, and the rest is still there',
    async (end) => {
      const { box, fresh, first, second } = await damaged((box) => flip(largest(box, 'packs', end)))
      const live = digest(box.picture())
      const to = join(box.dir, 'copy')
      const { message } = await refusal(restore(fresh, first, { to }), 'CORRUPT')
      expect(message).not.toContain(box.home)
      expect(digest(box.picture())).toBe(live)
      expect(await shelf({ ...box, provider: fresh })).toHaveLength(2)
      rmSync(box.at('dir/more.txt'))
      await restore(fresh, second, { paths: ['dir/more.txt'] })
      expect(box.read('dir/more.txt')).toBe('more')
    },
  )
})

describe('files that changed places', () => {
  test('two manifests: both are CORRUPT, and nothing crashes', async () => {
    const { fresh, first, second } = await damaged((box, { first, second }) =>
      swap(box, 'snapshots', first, second),
    )
    await refusal(fresh.get(first, context()), 'CORRUPT')
    await refusal(fresh.get(second, context()), 'CORRUPT')
  })

  test('the details of two snapshots: neither takes the name of the other', async () => {
    const { fresh, first, second } = await damaged((box, { first, second }) =>
      swap(box, 'details', first, second),
    )
    for (const id of [first, second])
      expect(await fresh.get(id, context())).toMatchObject({ name: id.slice(0, 12), protected: true })
  })

  test('an index in the place of another: what that one held is missing', async () => {
    const { box, fresh, first } = await damaged((box) => {
      const theirs = largest(box, 'packs', '.idx')
      for (const name of readdirSync(join(storeOf(box), 'packs')).filter((each) => each.endsWith('.idx')))
        if (!theirs.endsWith(name)) copyFileSync(join(storeOf(box), 'packs', name), theirs)
    })
    expect(await fresh.health(context())).toMatchObject({ healthy: false, error: { code: 'CORRUPT' } })
    await refusal(restore(fresh, first, { to: join(box.dir, 'copy') }), 'CORRUPT')
  })

  function swap(box: Workbench, folder: string, one: string, other: string): void {
    const [a, b] = [ofSnapshot(box, folder, one), ofSnapshot(box, folder, other)]
    renameSync(a, `${a}.aside`)
    renameSync(b, a)
    renameSync(`${a}.aside`, b)
  }
})
