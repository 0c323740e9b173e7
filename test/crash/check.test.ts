import { appendFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { check } from '../../scripts/crash/check.ts'
import { type Lane, makeLane } from '../../scripts/crash/lane.ts'

/** The judge of the sweeps: each promise is broken once here, and it has to see it. */
describe('the check after a crash', () => {
  let lane: Lane
  beforeAll(async () => {
    lane = await makeLane('restore')
  })
  beforeEach(() => lane.reset())
  afterAll(() => lane.remove())

  const findings = async (report?: Parameters<typeof check>[1]['report']) =>
    (await check(lane, { operation: 'restore', report })).violations.join('\n')
  const inStore = (folder: string, extension: string) =>
    readdirSync(join(lane.home, 'store', folder))
      .filter((name) => name.endsWith(extension))
      .map((name) => join(lane.home, 'store', folder, name))

  test('finds nothing where nothing happened', async () => {
    expect(await check(lane, { operation: 'restore', report: undefined })).toEqual({
      violations: [],
      litter: [],
    })
  })

  test('sees a committed snapshot that is gone', async () => {
    rmSync(join(lane.home, 'store/snapshots', `${lane.ids.first}.json`))
    expect(await findings()).toContain('a committed snapshot is gone')
  })

  test('sees content that is gone', async () => {
    for (const pack of inStore('packs', '.pack')) truncateSync(pack, 100)
    expect(await findings()).toContain('cannot be restored')
  })

  test('sees a source that is neither old nor new', async () => {
    appendFileSync(join(lane.root, 'README.md'), 'half\n')
    expect(await findings()).toContain('the source is neither old')
  })

  test('sees temporary files that stay in a source', async () => {
    writeFileSync(join(lane.other, '.snapshot-mcp-000000000000-1'), '')
    expect((await check(lane, { operation: 'restore', report: undefined })).litter).toEqual([
      '.snapshot-mcp-*-1',
    ])
  })

  test('sees a store that does not open', async () => {
    writeFileSync(join(lane.home, 'store/store.json'), '')
    expect(await findings()).toContain('the next start fails')
  })

  test('sees an answer that is not true, and one in the words of the system', async () => {
    expect(await findings({ ok: true, warnings: [] })).toContain('the source is restored, which is not so')
    lane.reset()
    const raw = { ok: false as const, code: 'INTERNAL', outcome: 'unknown' }
    expect(await findings({ ...raw, typed: false, message: 'x', raw: 'Error: EIO' })).toContain('not typed')
    lane.reset()
    expect(await findings({ ...raw, typed: true, message: 'EIO: i/o error, write' })).toContain('is raw')
  })
})
