import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Scope } from '../../../src/config/access.ts'
import { ALL_SCOPES, writeAccess } from './access.ts'
import { ask, callTool, type Era, initialize, type Way } from './wire.ts'
import { httpWorld } from './world.ts'

const world = httpWorld()
const root = world.directory('root')
const HOLDERS = {
  read: ['snapshots:read'],
  create: ['snapshots:create'],
  restore: ['snapshots:restore'],
  delete: ['snapshots:delete'],
  changing: ['snapshots:create', 'snapshots:delete'],
  none: [],
  all: ALL_SCOPES,
} satisfies Record<string, Scope[]>
type Holder = keyof typeof HOLDERS
const holders = Object.entries(HOLDERS) as [Holder, Scope[]][]
const { path, tokens } = writeAccess(
  world.dir,
  Object.fromEntries(holders.map(([name, scopes]) => [name, { scopes }])) as Record<Holder, object>,
)
let url: string
/** Of a snapshot that there is. */
let snapshot: string
beforeAll(async () => {
  ;({ url } = await world.serve({ roots: [root], args: ['--access', path] }))
  const { reply } = await callTool({ url, era: 'modern', token: tokens.all }, 'snapshot_create')
  snapshot = reply.snapshot.id
})

const NEEDED: [string, Scope[], () => object][] = [
  ['snapshot_list', ['snapshots:read'], () => ({})],
  ['snapshot_get', ['snapshots:read'], () => ({ snapshot })],
  ['snapshot_diff', ['snapshots:read'], () => ({ from: snapshot })],
  ['snapshot_sources', ['snapshots:read'], () => ({})],
  ['snapshot_status', ['snapshots:read'], () => ({})],
  ['snapshot_create', ['snapshots:create'], () => ({})],
  ['snapshot_update', ['snapshots:create'], () => ({ snapshot, note: 'seen' })],
  ['snapshot_update', ['snapshots:create', 'snapshots:delete'], () => ({ snapshot, ttl: '7d' })],
  ['snapshot_restore', ['snapshots:restore'], () => ({ snapshot, dry_run: true })],
  ['snapshot_undo', ['snapshots:restore'], () => ({ operation: 'op_00000000', dry_run: true })],
  ['snapshot_delete', ['snapshots:delete'], () => ({ snapshots: [snapshot], dry_run: true })],
  ['snapshot_prune', ['snapshots:delete'], () => ({ keep_last: 1 })],
]

describe.each(['modern', 'legacy'] as const)('a credential of a %s client', (era: Era) => {
  test.each(holders)(
    'that is for "%s" can call what that needs, and no other tool',
    async (name, granted) => {
      const way: Way = { url, era, token: tokens[name] }
      const begun = era === 'legacy' ? await initialize(way) : way
      for (const [tool, needed, args] of NEEDED) {
        const { status, headers, answer, reply } = await callTool(begun, tool, args())
        const about = `${tool} ${JSON.stringify(args())}`
        if (needed.every((scope) => granted.includes(scope))) {
          expect(status, about).toBe(200)
          expect(reply?.code, about).not.toBe('FORBIDDEN')
          continue
        }
        expect(status, about).toBe(403)
        const challenge = headers.get('www-authenticate')
        expect(challenge, about).toContain('error="insufficient_scope"')
        expect(challenge, about).toContain(`scope="${needed.join(' ')}"`)
        // It does not tell more than that.
        expect(JSON.stringify(answer ?? ''), about).not.toContain(root)
      }
    },
  )

  test('that may not read is shown no resource, and completes nothing', async () => {
    const way: Way = { url, era, token: tokens.create }
    const begun = era === 'legacy' ? await initialize(way) : way
    const uri = `snapshot://local/${snapshot.slice('local:'.length)}`
    const read = await ask(begun, 'resources/read', { uri })
    expect(read.status).toBe(403)
    expect(read.headers.get('www-authenticate')).toContain('scope="snapshots:read"')
    const { answer: listed } = await ask(begun, 'resources/list')
    expect(listed?.result.resources).toEqual([])
    const ref = { type: 'ref/prompt', name: 'roll-back' }
    const { answer } = await ask(begun, 'completion/complete', {
      ref,
      argument: { name: 'snapshot', value: 'lo' },
    })
    expect(answer?.result.completion.values).toEqual([])
  })
})

test('what is refused leaves no trace: the tool has not begun', async () => {
  const operations = () => readdirSync(join(world.dir, 'home/state'), { recursive: true }).length
  const before = operations()
  for (const [tool, , args] of NEEDED)
    expect((await callTool({ url, era: 'modern', token: tokens.none }, tool, args())).status).toBe(403)
  expect(operations()).toBe(before)
})

test('without a credential, or with one that is none, nobody gets past the door', async () => {
  for (const token of [undefined, 'smt_unknown', '']) {
    const { status, headers, answer } = await callTool({ url, era: 'modern', token }, 'snapshot_list')
    expect(status).toBe(401)
    expect(headers.get('www-authenticate')).toMatch(/^Bearer/)
    expect(answer?.error?.data?.code).toBe('UNAUTHENTICATED')
  }
  const { status } = await callTool(
    { url: `${url}?access_token=${tokens.all}`, era: 'modern' },
    'snapshot_list',
  )
  expect(status).toBe(401)
})
