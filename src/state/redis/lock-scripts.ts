import { script } from './ask.ts'

/** After this long without a sign of life a holder is taken for dead. */
export const SILENCE_MS = 60_000

/** How long what is left of a silent holder is kept: it holds on if it speaks again before somebody else came. */
const KEPT_MS = 60 * 60_000

const NOW = `local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`

/**
 * KEYS: lock, fence. ARGV: token, process, the token of a holder that is dead, silence (ms). The number of the lock,
 * which is higher than any before; or 0, with the token and the process of who holds it.
 *
 * The numbers are the tenant's and not the lock's, for nothing is left of a lock that is free.
 */
export const TAKE = script(
  `${NOW}
local holder = redis.call('HMGET', KEYS[1], 'token', 'fence', 'runner', 'until')
if holder[1] == ARGV[1] then
  return { tonumber(holder[2]) }
end
if holder[1] and holder[1] ~= ARGV[3] and now < (tonumber(holder[4]) or 0) then
  return { 0, holder[1], holder[3] }
end
local fence = redis.call('INCR', KEYS[2])
redis.call('HSET', KEYS[1], 'token', ARGV[1], 'fence', fence, 'runner', ARGV[2], 'until', now + ARGV[4])
redis.call('PEXPIRE', KEYS[1], ${KEPT_MS})
return { fence }`,
  { decides: true },
)

const IS_MINE = `local holder = redis.call('HMGET', KEYS[1], 'token', 'fence')
if holder[1] ~= ARGV[1] or holder[2] ~= ARGV[2] then return 0 end`

/**
 * KEYS: lock. ARGV: token, number, silence (ms). A sign of life; 1 when the lock is still held, be it that nobody came
 * while a Redis that hung could not hear any.
 */
export const BEAT = script(`${NOW}
${IS_MINE}
redis.call('HSET', KEYS[1], 'until', now + ARGV[3])
return redis.call('PEXPIRE', KEYS[1], ${KEPT_MS})`)

/** KEYS: lock. ARGV: token, number. */
export const RELEASE = script(
  `${IS_MINE}
return redis.call('DEL', KEYS[1])`,
  { decides: true },
)
