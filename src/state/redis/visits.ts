import { createHash } from 'node:crypto'
import { type Ask, script } from './ask.ts'
import type { Keys } from './keys.ts'

const MINUTE = 60_000
/** As in window.ts: a minute is counted in so many parts, and what is forgotten at once is a part. */
const PARTS = 60

/** KEYS: the visits of somebody. ARGV: the most. 0 when this one is counted, else the milliseconds until one can be. */
const VISIT = script(`local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local part = math.floor(now / ${MINUTE / PARTS})
local parts = redis.call('HGETALL', KEYS[1])
local sum = 0
local oldest = part
for at = 1, #parts, 2 do
  local from = tonumber(parts[at])
  -- One of the future is from before the clock was set back.
  if from <= part - ${PARTS} or from > part then
    redis.call('HDEL', KEYS[1], parts[at])
  else
    sum = sum + parts[at + 1]
    oldest = math.min(oldest, from)
  end
end
if sum >= tonumber(ARGV[1]) then
  return math.max(1, (oldest + ${PARTS}) * ${MINUTE / PARTS} - now)
end
redis.call('HINCRBY', KEYS[1], part, 1)
redis.call('PEXPIRE', KEYS[1], ${MINUTE + MINUTE / PARTS})
return 0`)

/** Counts for all servers together. An answer that was lost and asked for again may count twice. */
export function createVisits(ask: Ask, keys: Keys): (who: string, most: number) => Promise<number> {
  return (who, most) => {
    const name = createHash('sha256').update(who).digest('base64url')
    return ask<number>(VISIT, [keys.visits(name)], () => [most])
  }
}
