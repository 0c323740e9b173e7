import type { Log } from '../../snapshots/provider.ts'
import type { Client } from './connection.ts'
import { isReply } from './library.ts'

/**
 * What Redis has not forgotten.
 *
 * A Redis that answers "written" may still lose the record: in a crash when it does not flush each one to its disk, or
 * when a copy takes its place that lags behind, even if that one gives the place back. What is lost may be the claim of
 * a plan whose earlier version is still there, and the plan could be carried out twice. So records by which somebody is
 * let through carry the life in which they were written, and count only in the same one: a plan has to be made anew after
 * a restart. Only a Redis that flushes before it answers, and that no copy can replace, lives on through its restarts.
 */
export interface Life {
  /** Which process it is, and which history of records it has: another one since it became a copy, or ceased to be one. */
  run: string
  /** It lives on. */
  durable: boolean
}

/** Nothing that was answered in one can have been forgotten in the other. */
export const isSame = (a: Life, b: Life) => a.run === b.run || (a.durable && b.durable)

const NEVER = 'noeviction'

/** The life a connection leads to. Logs, once each, what an operator should know about this Redis. */
export async function lifeOf(client: Client, warn: (message: string) => void): Promise<Life> {
  const info = fieldsOf(await client.sendCommand<string>(['INFO']))
  // Meanwhile it passes for one that does not persist.
  if (info.get('loading') === '1') throw new Error('the Redis is still reading what it has kept')
  // Its records come from another one. The connection is made again until that is over, or the address leads elsewhere.
  if (info.get('role') === 'slave') throw new Error('the Redis is a copy that takes no records')
  const settings = await settingsOf(client)
  const isKept = info.get('aof_enabled') === '1'
  if (!isKept)
    warn(
      'the Redis does not persist: what it holds, such as quotas and idempotency keys, ends with its process',
    )
  else if (!settings)
    warn(
      'the Redis does not tell whether it flushes each record: plans from before its restarts are not accepted',
    )
  if ((info.get('maxmemory_policy') ?? NEVER) !== NEVER)
    warn('the Redis may remove records when it is full: set maxmemory-policy to noeviction')
  const isAlone = info.get('role') === 'master' && info.get('connected_slaves') === '0' && !wasCopy(info)
  const [run, history = ''] = [info.get('run_id'), info.get('master_replid')]
  if (!run) throw new Error('the Redis does not tell which one it is')
  return { run: `${run} ${history}`, durable: isKept && isAlone && settings?.get('appendfsync') === 'always' }
}

/** Says each thing once, however often the connection is made. */
export function onceEach(log: Log, about: Record<string, unknown>): (message: string) => void {
  const said = new Set<string>()
  return (message) => {
    if (!said.has(message)) log.warn(message, about)
    said.add(message)
  }
}

/** Undefined where it is not told: hosted ones and narrow ACLs do not allow CONFIG. */
async function settingsOf(client: Client): Promise<Map<string, string> | undefined> {
  try {
    const pairs = await client.sendCommand<string[]>(['CONFIG', 'GET', 'appendfsync'])
    return new Map([[pairs[0] ?? '', pairs[1] ?? '']])
  } catch (error) {
    if (isReply(error)) return undefined
    throw error
  }
}

/** It took the place of another one since it was started. */
const wasCopy = (info: Map<string, string>) => !/^0*$/.test(info.get('master_replid2') ?? '')

function fieldsOf(info: string): Map<string, string> {
  return new Map(
    info.split('\r\n').flatMap((line) => {
      const at = line.indexOf(':')
      return at > 0 ? [[line.slice(0, at), line.slice(at + 1)] as const] : []
    }),
  )
}
