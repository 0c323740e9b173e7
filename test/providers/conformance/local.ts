import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createLocalProvider } from '../../../src/providers/local/index.ts'
import type { Source } from '../../../src/snapshots/model.ts'
import { silent } from '../../snapshots/world.ts'
import { digest, picture } from '../../support/oracle.ts'
import { remove } from '../../support/sandbox.ts'
import { makeWorkspace } from '../../support/workspace.ts'
import { makeMany } from '../local/support.ts'
import type { Subject } from './subject.ts'

export function localSubject(): Subject {
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
  let copies = 0
  return {
    provider,
    source,
    other,
    get bulky() {
      makeMany(bulky.id, 3000)
      return bulky
    },
    vacant: () => join(dir, `roots/copy-${++copies}`),
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
    places: () =>
      readdirSync(join(dir, 'roots'))
        .map((name) => join(dir, 'roots', name))
        .sort(),
    tick: () => sleep(2),
    cleanup: () => remove(dir),
  }
}
