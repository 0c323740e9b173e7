import { execFile, execFileSync } from 'node:child_process'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { AuditEntry } from '../../src/guard/audit/entry.ts'
import type { Policy } from '../../src/guard/policy.ts'
import { args } from '../snapshots/world.ts'
import { differences, type Picture, picture } from '../support/oracle.ts'
import { remove } from '../support/sandbox.ts'
import { type Assembled, assemble, CALLER, call, confirmed, type Destructive, placesIn } from './assembled.ts'
import type { Dying } from './dying-caller.ts'

/** A call that is killed in, and how things stand before it and after it. */
export interface Story {
  operation: Destructive
  before: Standing
  after: Standing
}

/** What the directory holds, and where the snapshot of the good tree is. */
export type Standing = `${Tree} tree, snapshot ${'listed' | 'trashed'}`
type Tree = 'good' | 'bad'

/** Directories of their own in which a story can be told again and again. */
export interface Lane {
  audit: string
  /** Of the call: with the confirmation, where there is one. */
  args: object
  /** Ids of the snapshots of both trees. */
  snapshots: Record<Tree, string>
  /** Makes the call in a process of its own that is killed at this moment, if it comes to it. */
  die(moment: number): Promise<{ told: string[]; killed: boolean }>
  /** A new server on what is there now; the next `reset` closes it. */
  open(): Assembled
  /** A Standing, or what is wrong. Seen without any code of the product, as is what follows. */
  standing(): string
  /** The snapshots that were added: only safety snapshots can be. */
  added(): string[]
  entries(): AuditEntry[]
  /** Puts everything back to where the call is about to be made. */
  reset(): Promise<void>
}

/** With a quota, so that there is something to be spent between the claim and the deed. */
const policy: Partial<Policy> = { quotas: { deletes_per_hour: { global: 1000 } } }

export async function createLane(script: string, story: Story): Promise<Lane> {
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'snapshot-mcp-steps-')))
  onTestFinished(() => remove(base))
  const [dir, kept] = [join(base, 'dir'), join(base, 'kept')]
  const { root, store, audit } = placesIn(dir)
  const now = Date.now()
  const open = () => assemble(dir, { clock: () => now, policy })
  const manifests = (place: 'snapshots' | 'trash') => readdirSync(join(store, place))

  const maker = open()
  const save = async () => (await maker.service.create(args.create(), CALLER)).snapshot.id
  const good = { picture: makeGood(root), snapshot: await save() }
  const bad = { picture: makeBad(root), snapshot: await save() }
  const fields = await prepare(maker, story, good.snapshot)
  await maker.service.close()
  const known = new Set([...manifests('snapshots'), ...manifests('trash')])
  execFileSync('cp', ['-a', dir, kept])

  const opened: Assembled[] = []
  return {
    audit,
    args: fields,
    snapshots: { good: good.snapshot, bad: bad.snapshot },
    die: (moment) => run(script, { dir, now, policy, operation: story.operation, args: fields, moment }),
    open() {
      const server = open()
      opened.push(server)
      return server
    },
    standing() {
      const place = manifests('trash').includes(fileOf(good.snapshot)) ? 'trashed' : 'listed'
      return `${nameOf(picture(root), { good: good.picture, bad: bad.picture })}, snapshot ${place}`
    },
    added: () => [...manifests('snapshots'), ...manifests('trash')].filter((name) => !known.has(name)),
    entries: () => linesIn(audit).map((line) => JSON.parse(line)),
    async reset() {
      for (const { service } of opened.splice(0)) await service.close()
      remove(dir)
      execFileSync('cp', ['-a', kept, dir])
    },
  }
}

/** Brings a server to where the story begins. Returns the arguments of its call. */
async function prepare(server: Assembled, { operation, before }: Story, snapshot: string): Promise<object> {
  const about = { restore: { snapshot }, delete: { snapshots: [snapshot] } }
  if (operation === 'undo') {
    const what = before.startsWith('good') ? 'restore' : 'delete'
    const done = await confirmed(server, what, about[what])
    return { operation: (done as { operation: string }).operation }
  }
  const { confirmation } = await call(server, operation, about[operation])
  return { ...about[operation], confirmation }
}

function run(script: string, job: Dying): ReturnType<Lane['die']> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [script, JSON.stringify(job)], (error, stdout, stderr) => {
      const killed = error?.signal === 'SIGKILL'
      if (error && !killed) reject(new Error(stderr))
      else resolve({ told: stdout.split('\n').slice(0, -1), killed })
    })
  })
}

const fileOf = (snapshot: string) => `${snapshot.slice('local:'.length)}.json`

const linesIn = (audit: string) =>
  readdirSync(audit)
    .filter((name) => name.endsWith('.jsonl'))
    .flatMap((name) => readFileSync(join(audit, name), 'utf8').split('\n').slice(0, -1))

/** Byte for byte, with modes and times. */
function nameOf(now: Picture, trees: Record<Tree, Picture>): string {
  const off = (['good', 'bad'] as const).map((tree) => ({ tree, lines: differences(trees[tree], now) }))
  const same = off.find(({ lines }) => lines.length === 0)
  if (same) return `${same.tree} tree`
  return off.map(({ tree, lines }) => `not the ${tree} tree: ${lines.join('; ')}`).join(', ')
}

function makeGood(root: string): Picture {
  mkdirSync(join(root, 'dir/deep'), { recursive: true })
  for (const path of ['edited', 'removed', 'dir/kept', 'dir/deep/gone'])
    writeFileSync(join(root, path), `good ${path}`)
  symlinkSync('edited', join(root, 'link'))
  return picture(root)
}

function makeBad(root: string): Picture {
  writeFileSync(join(root, 'edited'), 'no longer good')
  writeFileSync(join(root, 'dir/new'), 'was not there')
  for (const path of ['removed', 'dir/deep', 'link']) rmSync(join(root, path), { recursive: true })
  chmodSync(join(root, 'dir/kept'), 0o600)
  return picture(root)
}
