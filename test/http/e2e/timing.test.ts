import { randomBytes } from 'node:crypto'
import { beforeAll, expect, test } from 'vitest'
import { writeAccess } from './access.ts'
import { callTool, type Way } from './wire.ts'
import { httpWorld } from './world.ts'

const world = httpWorld()
const [annsRoot, bensRoot] = [world.directory('a'), world.directory('b')]
const { path, tokens } = writeAccess(
  world.dir,
  { ann: { tenant: 'alpha' }, ben: { tenant: 'beta' } },
  { alpha: { roots: [annsRoot] }, beta: { roots: [bensRoot] } },
)
let ann: Way
let ben: Way
beforeAll(async () => {
  const { url } = await world.serve({ roots: [], args: ['--access', path, '--rate-limit', '100000'] })
  ann = { url, era: 'modern', token: tokens.ann }
  ben = { url, era: 'modern', token: tokens.ben }
})

/**
 * How probable it is that a call of the one kind takes longer than one of the other: a half where time tells nothing.
 * It does not depend on how fast the machine is, and what slows it down for a while slows down both.
 */
function probabilityLonger(one: readonly number[], other: readonly number[]): number {
  let longer = 0
  for (const a of one) for (const b of other) longer += a > b ? 1 : a === b ? 0.5 : 0
  return longer / (one.length * other.length)
}

test.each(['snapshot', 'operation'])(
  'how long an answer takes does not tell whether the %s is that of another tenant',
  async (kind) => {
    const { reply } = await callTool(ann, 'snapshot_create')
    const hers: string = kind === 'snapshot' ? reply.snapshot.id : reply.operation
    const at = hers.search(/[:_]/) + 1
    const random = () =>
      hers.slice(0, at) +
      randomBytes(32)
        .toString('hex')
        .slice(0, hers.length - at)
    const call = (id: string) =>
      kind === 'snapshot'
        ? callTool(ben, 'snapshot_get', { snapshot: id })
        : callTool(ben, 'snapshot_undo', { operation: id })
    const time = async (id: string) => {
      const began = performance.now()
      const { reply } = await call(id)
      expect(reply.code).toBe('NOT_FOUND')
      return performance.now() - began
    }
    for (let n = 0; n < 20; n++) await call(random())
    const foreign: number[] = []
    const unknown: number[] = []
    for (let n = 0; n < 200; n++) {
      // In turn, and in both orders.
      if (n % 2) foreign.push(await time(hers))
      unknown.push(await time(random()))
      if (n % 2 === 0) foreign.push(await time(hers))
    }
    // Of 200 each chance alone moves it by some 0.03.
    const probability = probabilityLonger(foreign, unknown)
    expect(probability).toBeGreaterThan(0.3)
    expect(probability).toBeLessThan(0.7)
  },
)
