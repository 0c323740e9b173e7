import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import type { HttpClient } from '../../support/http.ts'
import { differences, picture } from '../../support/oracle.ts'
import { writeAccess } from './access.ts'
import { answerTo, type Belongings, CASES, strange } from './foreign.ts'
import { ask, type Way } from './wire.ts'
import { httpWorld } from './world.ts'

const world = httpWorld()
const rootsOf = (name: string) => [world.directory(name), world.directory(`${name}-too`)]
const roots = { ann: rootsOf('annotations'), ben: rootsOf('benchmarks'), carl: rootsOf('carlsbad') }
const annsRoot = roots.ann[0]!
const access = writeAccess(
  world.dir,
  {
    ann: { tenant: 'alpha', roots: roots.ann },
    ben: { tenant: 'beta' },
    carl: { tenant: 'alpha', roots: roots.carl },
  },
  { alpha: { roots: [...roots.ann, ...roots.carl] }, beta: { roots: roots.ben } },
)
type Holder = keyof typeof roots
const clients = {} as Record<Holder, HttpClient>
const belongings = {} as Record<Holder, Belongings>
let url: string
const wayOf = (who: Holder): Way => ({ url, era: 'modern', token: access.tokens[who] })

beforeAll(async () => {
  const args = ['--access', access.path, '--rate-limit', '100000']
  ;({ url } = await world.serve({ roots: [world.directory()], args }))
  for (const who of Object.keys(roots) as Holder[]) {
    clients[who] = await world.open('SDK v2', url, { token: access.tokens[who] })
    belongings[who] = await settle(clients[who], who, roots[who][0]!)
  }
})

/** Does a bit of everything, so that there is something to find. */
async function settle(client: HttpClient, who: string, root: string): Promise<Belongings> {
  const source = `path:${root}`
  const file = join(root, `file-of-${who}`)
  writeFileSync(file, who)
  const idempotencyKey = `${who}-key-0123456789abcdef`
  const about = { name: `saved-by-${who}`, note: `note-of-${who}`, labels: { owner: `label-of-${who}` } }
  const { snapshot } = await client.call('snapshot_create', {
    ...about,
    source,
    idempotency_key: idempotencyKey,
  })
  writeFileSync(file, 'changed')
  const { confirmation: first } = await client.call('snapshot_restore', { snapshot: snapshot.id })
  const restored = await client.call('snapshot_restore', { snapshot: snapshot.id, confirmation: first })
  writeFileSync(file, 'changed again')
  const { confirmation } = await client.call('snapshot_restore', { snapshot: snapshot.id })
  await client.call('snapshot_create', { name: 'as it is', source })
  const page = await client.call('snapshot_list', { limit: 1, include_auto: true })
  const sources = await client.call('snapshot_sources', { limit: 1 })
  return {
    snapshot: snapshot.id,
    operation: restored.operation!,
    confirmation: confirmation!,
    cursor: page.next_cursor!,
    sourcesCursor: sources.next_cursor!,
    source,
    idempotencyKey,
  }
}

/** What nobody but Ann may ever see. */
const annsOwn = () => {
  const { snapshot, operation, confirmation, idempotencyKey } = belongings.ann
  const words = ['saved-by-ann', 'note-of-ann', 'label-of-ann', 'file-of-ann', 'token:ann', annsRoot]
  return [...words, snapshot.slice('local:'.length), operation, confirmation, idempotencyKey]
}

describe.each([
  ['of another tenant', 'ben'],
  ['of the same tenant, with other directories', 'carl'],
] as const)('a caller %s', (_, who) => {
  test('finds nothing of hers in any list', async () => {
    const calls = ['snapshot_list', 'snapshot_sources', 'snapshot_status'].map((name) => [
      'tools/call',
      { name, arguments: name === 'snapshot_list' ? { include_auto: true, include_trashed: true } : {} },
    ])
    const completions = ['', 'local:'].map((value) => [
      'completion/complete',
      { ref: { type: 'ref/prompt', name: 'roll-back' }, argument: { name: 'snapshot', value } },
    ])
    for (const [method, params] of [...calls, ...completions, ['resources/list', {}]] as [string, object][]) {
      const seen = JSON.stringify(await ask(wayOf(who), method, params))
      expect(seen).toContain('"status":200')
      for (const hers of annsOwn()) expect(seen).not.toContain(hers)
    }
    const { items } = await clients[who].call('snapshot_list')
    expect(items.map(({ name }) => name)).toEqual(['as it is', `saved-by-${who}`])
  })

  test.each(CASES)('gets for what is hers the answer that nobody would get: $title', async (each) => {
    const id = belongings.ann[each.kind]
    const before = await hers()
    const own = belongings[who]
    const about = await answerTo(wayOf(who), each, id, own)
    expect(about).toBe(await answerTo(wayOf(who), each, strange(each.kind, id), own))
    expect(await hers()).toEqual(before)
  })
})

/** What she has, as she sees it. */
async function hers() {
  const { items } = await clients.ann.call('snapshot_list', { include_auto: true, include_trashed: true })
  const { undoable } = await clients.ann.call('snapshot_status')
  const root = [...picture(annsRoot).values()].map((entry) => String(entry.sha256 ?? entry.type))
  return { items, undoable, root }
}

test('she herself can still do all of it', async () => {
  const { snapshot, confirmation, idempotencyKey, source } = belongings.ann
  const again = { name: 'saved-by-ann', note: 'note-of-ann', labels: { owner: 'label-of-ann' }, source }
  const repeated = await clients.ann.call('snapshot_create', { ...again, idempotency_key: idempotencyKey })
  expect(repeated.snapshot.id).toBe(snapshot)
  const before = picture(annsRoot)
  const restored = await clients.ann.call('snapshot_restore', { snapshot, confirmation })
  expect(restored.status).toBe('done')
  const undone = await clients.ann.call('snapshot_undo', { operation: restored.operation! })
  expect(undone.status).toBe('done')
  expect(differences(before, picture(annsRoot))).toEqual([])
})

test('nothing of hers is in what is kept for another tenant', () => {
  const kept = readdirSync(join(world.dir, 'home/tenants/beta'), { recursive: true, withFileTypes: true })
  const files = kept.filter((entry) => entry.isFile())
  expect(files.length).toBeGreaterThan(5)
  const state = readdirSync(join(world.dir, 'home/state/tenants/beta'), {
    recursive: true,
    withFileTypes: true,
  })
  for (const entry of [...files, ...state.filter((each) => each.isFile())]) {
    const text = readFileSync(join(entry.parentPath, entry.name), 'latin1')
    for (const word of ['saved-by-ann', 'note-of-ann', 'label-of-ann', 'file-of-ann', 'token:ann'])
      expect(text).not.toContain(word)
  }
})

/** A name or a text is no id, and what is done cannot be restored or agreed to. */
const MEAN_NOTHING = [
  'snapshot_create confirmation',
  'snapshot_list name',
  'snapshot_restore pending snapshot',
  'a prompt',
]

test('and to her each of these calls means something', async () => {
  const same: string[] = []
  // A cursor is but a place in a list.
  for (const each of CASES.filter(({ title }) => !title.endsWith('cursor'))) {
    const id = belongings.ann[each.kind]
    const about = await answerTo(wayOf('ann'), each, id, belongings.ann)
    if (about === (await answerTo(wayOf('ann'), each, strange(each.kind, id), belongings.ann)))
      same.push(each.title)
  }
  expect(same).toEqual(MEAN_NOTHING)
})
