import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import type { Answer } from '../../support/clients.ts'
import { plan, problem } from '../../support/confirm.ts'
import { HTTP_CLIENTS, type HttpClientKind, type HttpServer } from '../../support/http.ts'
import { differences, picture } from '../../support/oracle.ts'
import { writeAccess } from './access.ts'
import { httpWorld } from './world.ts'

const world = httpWorld()
const root = world.directory('root')
const file = join(root, 'file')
// Nobody is asked on and on: whoever says no has an agent of their own.
const NO: Answer[] = [
  { action: 'decline' },
  { action: 'cancel' },
  { action: 'accept', content: { confirm: false } },
  { action: 'accept', content: {} },
]
const nameOf = (kind: HttpClientKind, answer: Answer) => `${kind}-${NO.indexOf(answer)}`.replace(' ', '-')
const names = ['agreeing', ...HTTP_CLIENTS.flatMap((kind) => NO.map((answer) => nameOf(kind, answer)))]
const access = writeAccess(world.dir, Object.fromEntries(names.map((name) => [name, {}])))
let server: HttpServer
beforeAll(async () => {
  server = await world.serve({ roots: [root], args: ['--access', access.path] })
})

const agrees = (): Answer => ({ action: 'accept', content: { confirm: true } })

describe.each(HTTP_CLIENTS)('a person behind the %s client', (kind) => {
  test('is asked before a restore, and yes runs it', async () => {
    const person = vi.fn(agrees)
    const client = await world.open(kind, server.url, { person, token: access.tokens.agreeing! })
    writeFileSync(file, 'good')
    const { snapshot } = await client.call('snapshot_create', { name: 'the good one' })
    const good = picture(root)
    writeFileSync(file, 'broken')

    const restored = await client.call('snapshot_restore', { snapshot: snapshot.id })
    expect(restored.status).toBe('done')
    expect(differences(good, picture(root))).toEqual([])
    expect(person).toHaveBeenCalledOnce()
    expect(person.mock.lastCall).toEqual([expect.stringContaining('the good one'), expect.anything()])
  })

  test.each(NO)('who answers %j leaves everything as it is', async (answer) => {
    const person = vi.fn(() => answer)
    const token = access.tokens[nameOf(kind, answer)]!
    const client = await world.open(kind, server.url, { person, token })
    writeFileSync(file, 'good')
    const { snapshot } = await client.call('snapshot_create')
    writeFileSync(file, 'broken')
    const broken = picture(root)

    const refused = await problem(client, 'snapshot_restore', { snapshot: snapshot.id })
    expect(refused).toMatchObject({ code: 'APPROVAL_DECLINED', outcome: 'not_started' })
    expect(person).toHaveBeenCalledOnce()
    expect(differences(broken, picture(root))).toEqual([])
  })
})

test('an old client without a session cannot be asked, and is given a confirmation instead', async () => {
  const own = world.directory('stateless')
  const args = ['--legacy', 'stateless']
  const { url } = await world.serve({ roots: [own], home: join(world.dir, 'stateless'), args })
  const person = vi.fn(agrees)
  const client = await world.open('SDK v1', url, { person })
  const { snapshot } = await client.call('snapshot_create')
  writeFileSync(join(own, 'file'), 'new')
  const confirmation = await plan(client, 'snapshot_restore', { snapshot: snapshot.id })
  const restored = await client.call('snapshot_restore', { snapshot: snapshot.id, confirmation })
  expect(restored.status).toBe('done')
  expect(person).not.toHaveBeenCalled()
})
