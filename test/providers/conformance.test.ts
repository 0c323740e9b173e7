import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createLocalProvider } from '../../src/providers/local/index.ts'
import type { Source } from '../../src/snapshots/model.ts'
import type { Provider } from '../../src/snapshots/provider.ts'
import { describeProvider, failures, type Subject } from '../provider-conformance.ts'
import { createMemoryProvider, type MemoryProvider } from '../snapshots/memory-provider.ts'
import { NOON, silent } from '../snapshots/world.ts'
import { digest, picture } from '../support/oracle.ts'
import { remove } from '../support/sandbox.ts'
import { makeWorkspace } from '../support/workspace.ts'
import { LIES } from './conformance/lies.ts'
import { makeMany } from './local/support.ts'

function localSubject(): Subject {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'snapshot-mcp-conformance-')))
  const place = (name: string): Source => {
    mkdirSync(join(dir, 'roots', name), { recursive: true })
    return { kind: 'path', id: join(dir, 'roots', name), name }
  }
  const [source, other, bulky] = [place('project'), place('other'), place('bulky')]
  makeWorkspace(source.id)
  writeFileSync(join(other.id, 'theirs.txt'), 'not yours')
  const roots = [source.id, other.id, bulky.id, join(dir, 'roots')]
  const provider = createLocalProvider({
    home: join(dir, 'home'),
    roots,
    trashWindowMs: 3_600_000,
    specialModes: 'keep',
    clock: Date.now,
    log: silent,
  })
  let step = 0
  return {
    provider,
    source,
    other,
    get bulky() {
      makeMany(bulky.id, 3000)
      return bulky
    },
    vacant: join(dir, 'roots/copy'),
    occupied: other.id,
    mutate() {
      const at = (path: string) => join(source.id, path)
      const before = `added-${step++}.txt`
      const after = `added-${step}.txt`
      rmSync(at(before), { force: true })
      writeFileSync(at(after), `new in step ${step}`)
      writeFileSync(at('src/index.js'), `changed in step ${step}`)
      rmSync(at('data/empty.txt'), { force: true })
      return new Map([
        [step === 1 ? 'data/empty.txt' : before, 'removed'],
        [after, 'added'],
        ['src/index.js', 'modified'],
      ])
    },
    state: (which) => digest(picture(which.id)),
    peek(which, path) {
      try {
        return readFileSync(join(which.id, path), 'utf8')
      } catch {
        return undefined
      }
    },
    tick: () => sleep(2),
    cleanup: () => remove(dir),
  }
}

describeProvider('local', localSubject)

const box = (name: string): Source => ({ kind: 'box', id: name, name })

function memorySubject(pretend: (honest: MemoryProvider) => Partial<Provider> = () => ({})): Subject {
  const time = { now: NOON }
  const honest = createMemoryProvider({ clock: () => time.now })
  honest.boxes.set('shelf', { theirs: 'not yours' })
  let step = 0
  return {
    provider: { ...honest, ...pretend(honest) },
    source: box('desk'),
    other: box('shelf'),
    vacant: 'copy',
    mutate() {
      const { [`c${step}`]: _, b: gone, ...rest } = honest.boxes.get('desk') ?? {}
      const removed = gone === undefined ? `c${step}` : 'b'
      step++
      honest.boxes.set('desk', { ...rest, a: `changed in step ${step}`, [`c${step}`]: 'new' })
      return new Map([
        [removed, 'removed'],
        [`c${step}`, 'added'],
        ['a', 'modified'],
      ])
    },
    state: ({ id }) => JSON.stringify(Object.entries(honest.boxes.get(id) ?? {}).sort()),
    peek: ({ id }, path) => honest.boxes.get(id)?.[path],
    tick() {
      time.now += 1000
    },
    cleanup() {},
  }
}

describeProvider('memory', memorySubject)

test.each(LIES)('a provider that %s is found out', async (_lie, noticed, pretend) => {
  expect(await failures(() => memorySubject(pretend))).toContain(noticed)
})

test('an honest one is not', async () => {
  expect(await failures(memorySubject)).toEqual([])
})
