import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { describe, expect, onTestFinished, test, vi } from 'vitest'

const BOOT = '/proc/sys/kernel/random/boot_id'
const [ID, DBUS_ID] = ['/etc/machine-id', '/var/lib/dbus/machine-id']
const [FIRST, SECOND] = ['1'.repeat(32), '2'.repeat(32)]

/** What this process takes itself and others for on a machine with these files. */
async function on(files: Record<string, string>) {
  const original = fs.readFileSync
  const restore = () => {
    fs.readFileSync = original
    syncBuiltinESMExports()
  }
  const read = (path: string, ...more: never[]) => {
    if (files[path] !== undefined) return files[path]
    if ([ID, DBUS_ID].includes(path)) throw new Error('no such file')
    return (original as (...args: unknown[]) => unknown)(path, ...more)
  }
  fs.readFileSync = read as typeof original
  syncBuiltinESMExports()
  onTestFinished(restore)
  vi.resetModules()
  const { thisRunner, isCheckable, hasEnded } = await import('../../src/state/runner.ts')
  const own = thisRunner()
  restore()
  return { own, isCheckable, hasEnded }
}

describe('a process', () => {
  test.each([
    ['another id', { [ID]: SECOND }],
    ['another id for its bus', { [DBUS_ID]: SECOND }],
    ['no id', {}],
  ])(
    'on a machine of the same name with %s cannot be checked, and has not ended for all we know',
    async (_what, files) => {
      const { own } = await on({ [BOOT]: 'theirs', ...files })
      const here = await on({ [BOOT]: 'ours', [ID]: FIRST })
      expect([here.isCheckable(own), here.hasEnded(own)]).toEqual([false, false])
    },
  )

  test('from before a reboot of this machine has ended', async () => {
    const { own } = await on({ [BOOT]: 'before', [ID]: `${FIRST}\n` })
    const here = await on({ [BOOT]: 'after', [ID]: `${FIRST}\n` })
    expect([here.isCheckable(own), here.hasEnded(own)]).toEqual([true, true])
  })

  test.each([
    ['none', {}],
    ['one that is not made yet', { [ID]: 'uninitialized\n' }],
  ])('of another boot may be on another machine where there is no id to tell (%s)', async (_what, files) => {
    const { own } = await on({ [BOOT]: 'theirs', ...files })
    const here = await on({ [BOOT]: 'ours', ...files })
    expect([here.isCheckable(own), here.hasEnded(own)]).toEqual([false, false])
  })

  test('of this boot can be checked where there is no id', async () => {
    const { own } = await on({ [BOOT]: 'ours' })
    const here = await on({ [BOOT]: 'ours' })
    expect([here.isCheckable(own), here.hasEnded(own)]).toEqual([true, false])
    expect(here.hasEnded({ ...own, pid: 2 ** 22 + 1 })).toBe(true)
  })

  test('does not tell the id of its machine', async () => {
    const { own } = await on({ [ID]: FIRST })
    expect(JSON.stringify(own)).not.toContain(FIRST)
  })
})
