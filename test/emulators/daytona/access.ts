import type { Answer, Exchange } from '../http.ts'
import type { Permission, World } from './model.ts'
import { problem } from './refusals.ts'
import type { Throttle, Throttler } from './throttle.ts'

interface Access {
  /** Anybody may ask. */
  open?: true
  permission?: Permission
  /** Counted by this one too. */
  counted?: Throttler
}

const SNAPSHOTS = '/api/snapshots'
const SANDBOX = '/api/sandbox/{sandbox}'
const LIFECYCLE: Access = { permission: 'write:sandboxes', counted: 'sandbox-lifecycle' }

/** What a request needs; one that is not listed needs a key and no permission. */
const ACCESS: Record<string, Access> = {
  'GET /api/config': { open: true },
  'GET /api/shared-regions': { open: true },
  [`POST ${SNAPSHOTS}`]: { permission: 'write:snapshots' },
  [`DELETE ${SNAPSHOTS}/{snapshot}`]: { permission: 'delete:snapshots' },
  [`POST ${SNAPSHOTS}/{snapshot}/activate`]: { permission: 'write:snapshots' },
  [`POST ${SNAPSHOTS}/{snapshot}/deactivate`]: { permission: 'write:snapshots' },
  'POST /api/sandbox': { permission: 'write:sandboxes', counted: 'sandbox-create' },
  [`DELETE ${SANDBOX}`]: { permission: 'delete:sandboxes', counted: 'sandbox-lifecycle' },
  // Assumed, both the permission and the counter.
  [`POST ${SANDBOX}/snapshot`]: { permission: 'write:snapshots', counted: 'sandbox-lifecycle' },
  [`POST ${SANDBOX}/fork`]: { permission: 'write:sandboxes', counted: 'sandbox-create' },
  [`PUT ${SANDBOX}/labels`]: { permission: 'write:sandboxes' },
  [`POST ${SANDBOX}/backup`]: { permission: 'write:sandboxes' },
  ...Object.fromEntries(
    ['start', 'stop', 'pause', 'archive', 'recover'].map((verb) => [`POST ${SANDBOX}/${verb}`, LIFECYCLE]),
  ),
}

/** Whether the request carries the key. */
export function hasKey({ key }: World, { headers }: Exchange): boolean {
  const [scheme, value] = (headers.authorization ?? '').split(' ')
  return scheme?.toLowerCase() === 'bearer' && value === key.value
}

/** The refusal, or undefined to let the request pass. Counts it. */
export function authorize(world: World, throttling: Throttle, x: Exchange): Answer | undefined {
  const { open, permission, counted } = ACCESS[x.route ?? ''] ?? {}
  const tooMany = (headers: Record<string, string>) =>
    problem(x, world.now(), 429, 'ThrottlerException: Too Many Requests', headers)
  // Too many wrong keys, and the right one is not listened to either.
  const shut = throttling.blocked('failed-auth')
  if (shut) return tooMany(shut)
  if (open) {
    const over = throttling.take('anonymous')
    return over && tooMany(over)
  }
  if (!hasKey(world, x)) {
    const over = throttling.take('failed-auth')
    return over ? tooMany(over) : problem(x, world.now(), 401, 'Invalid credentials')
  }
  world.key.lastUsedAt = world.now()
  for (const name of ['authenticated', counted] as const) {
    const over = name && throttling.take(name)
    if (over) return tooMany(over)
  }
  if (permission && !world.key.permissions.includes(permission))
    return problem(x, world.now(), 403, 'Access denied')
  return undefined
}

/** Where a request stands with the counters that it is counted by. One that refuses says only how long to wait. */
export function rateHeaders(world: World, throttling: Throttle, x: Exchange): Record<string, string> {
  if (x.route === undefined) return {}
  const { open, counted } = ACCESS[x.route] ?? {}
  const names: Throttler[] = open ? ['anonymous'] : hasKey(world, x) ? ['authenticated'] : ['failed-auth']
  if (counted && hasKey(world, x)) names.push(counted)
  const passable = names.filter((name) => !throttling.blocked(name))
  return Object.assign({}, ...passable.map((name) => throttling.headers(name)))
}
