import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { loadStateKey } from '../../src/state/state-key.ts'

function directory() {
  const path = mkdtempSync(join(tmpdir(), 'key-'))
  onTestFinished(() => rmSync(path, { recursive: true }))
  return join(path, 'state')
}

test('the key is made once, for its owner only, and is the same for every process', async () => {
  const state = directory()
  const keys = await Promise.all(Array.from({ length: 8 }, () => loadStateKey(state)))
  const [first] = keys
  expect(first).toHaveLength(32)
  expect(keys.every((key) => Buffer.compare(key, first!) === 0)).toBe(true)
  expect(readdirSync(state)).toEqual(['request-state.key'])
  expect(statSync(join(state, 'request-state.key')).mode & 0o777).toBe(0o600)
  expect(statSync(state).mode & 0o777).toBe(0o700)
  expect(await loadStateKey(directory())).not.toEqual(first)
})

test('a damaged key is refused, not replaced behind the back of the other processes', async () => {
  const state = directory()
  await loadStateKey(state)
  chmodSync(join(state, 'request-state.key'), 0o600)
  writeFileSync(join(state, 'request-state.key'), 'short')
  await expect(loadStateKey(state)).rejects.toMatchObject({ code: 'CORRUPT' })
})

test('a key that cannot be read or made is FORBIDDEN, in words, without its path', async () => {
  const unreadable = directory()
  mkdirSync(join(unreadable, 'request-state.key'), { recursive: true })
  const unwritable = directory()
  writeFileSync(unwritable, 'a file where the directory should be')
  for (const state of [unreadable, unwritable]) {
    const error = await loadStateKey(state).catch((thrown) => thrown)
    expect(error).toMatchObject({ code: 'FORBIDDEN', problem: { outcome: 'not_started' } })
    expect(error.message).toContain('nothing was changed')
    expect(JSON.stringify(error.problem)).not.toContain(state)
  }
})
