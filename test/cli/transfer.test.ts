import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { auditDirectory } from '../../src/app.ts'
import { transfer } from '../../src/cli/transfer.ts'
import { loadConfig } from '../../src/config.ts'
import { newestEntries } from '../../src/guard/audit/newest.ts'
import { addImage } from '../emulators/digitalocean/cloud.ts'
import { createDigitalOcean } from '../emulators/digitalocean.ts'

const TEAM = '11111111-2222-3333-4444-555555555555'
const SAMMY = 'sammy@example.com'

interface Given {
  interactive?: boolean
  /** Of the snapshot. */
  tags?: string[]
  policy?: Record<string, unknown>
  flags?: Record<string, unknown>
  /** Happens while the question is open. */
  meanwhile?: ((at: World) => unknown) | undefined
}
type World = Awaited<ReturnType<typeof world>>

/** An emulated account with one snapshot of a Droplet, and a terminal with somebody who gives one answer. */
async function world(given: Given = {}) {
  const { interactive = true, tags = [], policy = {}, flags = {}, meanwhile } = given
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'transfer-')))
  const cwd = join(base, 'project')
  const policyFile = join(base, 'policy.json')
  mkdirSync(cwd)
  const setPolicy = (rules: Record<string, unknown>) => writeFileSync(policyFile, JSON.stringify(rules))
  setPolicy(policy)
  const cloud = await createDigitalOcean()
  onTestFinished(async () => {
    await cloud.close()
    rmSync(base, { recursive: true })
  })
  const env = {
    SNAPSHOT_MCP_HOME: join(base, 'home'),
    DIGITALOCEAN_TOKEN: cloud.token,
    DIGITALOCEAN_API_URL: cloud.url,
  }
  const named = { 'log-level': 'error', policy: policyFile, ...flags }
  const config = loadConfig(named, { env, cwd, userHome: join(base, 'nobody') })
  const { images, volumeSnapshots, transfers, account } = cloud.cloud
  const image = addImage(cloud.cloud, cloud.droplet, { name: 'before the move', tags })

  const said: string[] = []
  const asked: string[] = []
  const here = {
    cloud,
    config,
    image,
    account,
    transfers,
    volumeSnapshots,
    said,
    asked,
    setPolicy,
    id: `digitalocean:${image.id}`,
    /** What is typed to offer or accept this image. */
    end: (of = image.id) => String(of).slice(-6),
    has: (of = image.id) => images.has(of),
    /** Bodies of what was sent to change something. */
    sent: () => cloud.requests.filter(({ method }) => method !== 'GET').map(({ body }) => body),
    async log() {
      const { entries } = await newestEntries(auditDirectory(config), 10)
      return entries.map(({ entry }) => entry)
    },
    run: (answer: string, ...words: string[]) =>
      transfer(words, config, {
        interactive,
        say: (text) => void said.push(text),
        async ask(question) {
          asked.push(question)
          await meanwhile?.(here)
          return answer
        },
      }),
  }
  return here
}

/** The only transfer that is under way. */
const pending = ({ transfers }: World) => [...transfers.values()][0]!

describe('An offer', () => {
  test('tells what it is about and what happens, and leaves the snapshot until it is accepted', async () => {
    const here = await world()
    const { run, id, image, end, said, asked, has, cloud } = here
    expect(await run(` ${end()} `, 'offer', id, SAMMY)).toBe(0)
    expect(pending(here)).toMatchObject({ incoming: false, recipient: SAMMY })
    expect(has()).toBe(true)
    const [about, tells, done] = said
    for (const word of [id, '"before the move"', `droplet "web-01" (${cloud.droplet.id})`])
      expect(about).toContain(word)
    expect(about).toMatch(/, \d+\.\d\d GB, \d+\.\d\d USD a month$/)
    expect(tells).toContain(`You offer it to ${SAMMY}`)
    expect(tells).toContain('the snapshot leaves this account')
    expect(asked).toEqual([expect.stringContaining('CANNOT BE UNDONE')])
    expect(done).toContain(`snapshot-mcp transfer cancel ${image.id} ${pending(here).id}`)
  })

  test('to a team that takes everything is accepted at once', async () => {
    const { run, id, end, said, has, account } = await world()
    account.otherTeams.push(TEAM)
    expect(await run(end(), 'offer', id, TEAM)).toBe(0)
    expect(said.at(-1)).toBe('It was accepted at once: the snapshot has left this account.')
    expect(has()).toBe(false)
  })

  test('can be taken back', async () => {
    const here = await world()
    await here.run(here.end(), 'offer', here.id, SAMMY)
    const numbers = [String(here.image.id), String(pending(here).id)]
    expect(await here.run('no', 'cancel', ...numbers)).toBe(1)
    expect(here.said.at(-1)).toBe('The offer still stands. Nothing was changed.')
    expect(here.transfers.size).toBe(1)
    expect(await here.run('YES', 'cancel', ...numbers)).toBe(0)
    expect([here.transfers.size, here.has()]).toEqual([0, true])
    await expect(here.run('yes', 'cancel', ...numbers)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  test('is on record before it is made, and how it ended as well, without the recipient', async () => {
    const { run, id, end, log } = await world()
    await run(end(), 'offer', id, SAMMY)
    const about = { type: 'offer', provider: 'digitalocean', targets: [id], by: expect.any(String) }
    const entries = await log()
    expect(entries).toMatchObject([
      { event: 'transferred', ...about },
      { event: 'ended', ...about, outcome: 'done' },
    ])
    expect(JSON.stringify(entries)).not.toContain('sammy')
  })

  test('that cannot be put on record is not made', async () => {
    const { run, id, end, config, sent } = await world()
    mkdirSync(config.home, { recursive: true })
    writeFileSync(auditDirectory(config), '')
    await expect(run(end(), 'offer', id, SAMMY)).rejects.toMatchObject({ code: 'FORBIDDEN' })
    expect(sent()).toEqual([])
  })

  test('whose answer gets lost is not made twice, and says where to look', async () => {
    const { run, id, end, cloud, sent, log, transfers } = await world()
    const answer = { status: 504, body: { id: 'gateway_timeout', message: 'Too slow.' } }
    cloud.faults.push({ when: ({ method }) => method === 'POST', times: 1, at: 'after', how: { answer } })
    await expect(run(end(), 'offer', id, SAMMY)).rejects.toMatchObject({
      problem: { outcome: 'unknown', hint: expect.stringContaining('control panel') },
    })
    expect([sent().length, transfers.size]).toEqual([1, 1])
    expect((await log()).at(-1)).toMatchObject({ event: 'ended', outcome: 'unknown' })
  })

  test('that DigitalOcean refuses has failed', async () => {
    const { run, id, end, log } = await world()
    await run(end(), 'offer', id, SAMMY)
    await expect(run(end(), 'offer', id, TEAM)).rejects.toMatchObject({ code: 'CONFLICT' })
    expect((await log()).at(-1)).toMatchObject({ event: 'ended', outcome: 'failed' })
  })
})

describe('What another account offers', () => {
  test('is there once it is accepted', async () => {
    const { run, cloud, end, has, said, log } = await world()
    const { id, image } = cloud.offerImage()
    const words = ['accept', String(image.id), String(id), cloud.cloud.account.team.uuid]
    expect(await run('yes', ...words)).toBe(1)
    expect([has(image.id), await log()]).toEqual([false, []])
    expect(await run(end(image.id), ...words)).toBe(0)
    expect(has(image.id)).toBe(true)
    expect(said[0]).toContain('does not see its name')
    expect(said[1]).toContain('pays for it every month')
    expect(await log()).toMatchObject([{ event: 'transferred', type: 'accept' }, { outcome: 'done' }])
  })

  test('is not when it is declined', async () => {
    const { run, cloud, has, said, transfers } = await world()
    const { id, image } = cloud.offerImage()
    expect(await run('', 'decline', String(image.id), String(id))).toBe(1)
    expect(transfers.size).toBe(1)
    expect(await run('yes', 'decline', String(image.id), String(id))).toBe(0)
    expect(said.at(-1)).toBe('It is declined.')
    expect([transfers.size, has(image.id)]).toEqual([0, false])
  })
})

test.each(['', 'yes', '12345', 'digitalocean:'])('%j at the question changes nothing', async (answer) => {
  const { run, id, asked, said, sent, log } = await world()
  expect(await run(answer, 'offer', id, SAMMY)).toBe(1)
  expect(asked).toHaveLength(1)
  expect(said.at(-1)).toBe('It was not offered. Nothing was changed.')
  expect([sent(), await log()]).toEqual([[], []])
})

test('without a terminal nobody is asked and nothing is looked up', async () => {
  const { run, id, end, asked, said, cloud } = await world({ interactive: false })
  await expect(run(end(), 'offer', id, SAMMY)).rejects.toMatchObject({ code: 'FORBIDDEN' })
  expect([asked, said, cloud.requests]).toEqual([[], [], []])
})

describe('What must stay is not offered', () => {
  const named = { protect: { names: ['before *'] } }
  test.each<[string, string, Given]>([
    ['a protected snapshot', 'PROTECTED', { tags: ['snapshot-mcp:protected'] }],
    ['one that the policy protects', 'PROTECTED', { policy: named }],
    ['any on a read-only server', 'POLICY_DENIED', { flags: { 'read-only': true } }],
    ['any where there are no deletes', 'POLICY_DENIED', { policy: { delete: 'never' } }],
    ['any where deletes must be undone', 'POLICY_DENIED', { policy: { delete: { digitalocean: 'trash' } } }],
    ['any of a provider that is only read', 'POLICY_DENIED', { policy: { providers: ['local'] } }],
    ['a young one', 'POLICY_DENIED', { policy: { min_age: '1h' } }],
    ['the newest', 'POLICY_DENIED', { policy: { min_keep: 1 } }],
  ])('%s', async (_, code, given) => {
    const { run, id, end, asked, sent, log } = await world(given)
    await expect(run(end(), 'offer', id, SAMMY)).rejects.toMatchObject({ code })
    expect([asked, sent(), await log()]).toEqual([[], [], []])
  })

  test.each<[string, Given['meanwhile']]>([
    ['by the snapshot', ({ image }) => image.tags.push('snapshot-mcp:protected')],
    ['by the policy', ({ setPolicy }) => setPolicy(named)],
  ])('what is protected %s while the question is open', async (_, meanwhile) => {
    const { run, id, end, asked, sent, log } = await world({ meanwhile })
    await expect(run(end(), 'offer', id, SAMMY)).rejects.toMatchObject({ code: 'PROTECTED' })
    expect([asked.length, sent(), await log()]).toEqual([1, [], []])
  })

  test('the snapshot of a volume', async () => {
    const { run, cloud, volumeSnapshots, asked, sent } = await world()
    const id = 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee'
    volumeSnapshots.set(id, {
      id,
      name: 'data',
      volumeId: cloud.volume.id,
      region: 'nyc3',
      minDiskSize: 10,
      sizeGigabytes: 1,
      tags: [],
      createdAt: cloud.cloud.now(),
      content: '',
    })
    const offer = run('eeeeee', 'offer', `digitalocean:${id}`, SAMMY)
    await expect(offer).rejects.toMatchObject({ code: 'UNSUPPORTED' })
    expect([asked, sent()]).toEqual([[], []])
  })
})

test('an older one may go where the newest has to stay', async () => {
  const { run, id, end, cloud, transfers } = await world({ policy: { min_keep: 1 } })
  addImage(cloud.cloud, cloud.droplet, { createdAt: cloud.cloud.now() + 60_000 })
  expect(await run(end(), 'offer', id, SAMMY)).toBe(0)
  expect(transfers.size).toBe(1)
})

test.each(['accept', 'decline', 'cancel'])('%s is denied on a read-only server', async (step) => {
  const { run, cloud } = await world({ flags: { 'read-only': true } })
  const words = ['1', '2', ...(step === 'accept' ? [TEAM] : [])]
  await expect(run('yes', step, ...words)).rejects.toMatchObject({ code: 'POLICY_DENIED' })
  expect(cloud.requests).toEqual([])
})

describe('Called wrongly it asks nobody', () => {
  test.each([
    [[], 'no step ""'],
    [['give', 'digitalocean:1', SAMMY], 'no step "give"'],
    [['toString', '1', '2'], 'no step "toString"'],
    [['offer', 'digitalocean:1'], 'takes 2 arguments, not 1'],
    [['cancel', '1', '2', '3'], 'takes 2 arguments, not 3'],
    [['offer', 'local:1', SAMMY], 'ID: "local:1"'],
    [['offer', 'digitalocean:../account', SAMMY], 'ID: '],
    [['offer', 'digitalocean:1', 'sammy'], 'RECIPIENT: "sammy"'],
    [['offer', 'digitalocean:1', 's\u0430mmy@example.com'], 'RECIPIENT: '],
    [['decline', 'digitalocean:1', '2'], 'IMAGE: '],
    [['accept', '1', '0', TEAM], 'TRANSFER: "0"'],
    [['accept', '1', '2', SAMMY], 'UUID: '],
  ])('%j', async (words, message) => {
    const { run, asked, cloud } = await world()
    await expect(run('yes', ...words)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(message),
    })
    expect([asked, cloud.requests]).toEqual([[], []])
  })
})

test('what is not there is NOT_FOUND, and nobody is asked', async () => {
  const { run, asked } = await world()
  await expect(run('999999', 'offer', 'digitalocean:999999', SAMMY)).rejects.toMatchObject({
    code: 'NOT_FOUND',
  })
  expect(asked).toEqual([])
})

test('without a key it names the variable', async () => {
  const { run, id, end, asked } = await world({ flags: { providers: ['local'] } })
  await expect(run(end(), 'offer', id, SAMMY)).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringContaining('DIGITALOCEAN_TOKEN'),
  })
  expect(asked).toEqual([])
})
