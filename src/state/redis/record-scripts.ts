import { script } from './ask.ts'

/**
 * Compare-and-set in Redis, which runs one script at a time. A record is a hash: `version`, `value`, and the life it was
 * written in (life.ts) as `run` and `durable`. One of another life counts as absent.
 */
const COUNTS = `local function counts(run, durable)
  return run == ARGV[1] or (durable == '1' and ARGV[2] == '1')
end
`

/** KEYS: records. ARGV: life. Of each version and value; nothing of one that is absent, blanks of one that is none. */
export const READ = script(`${COUNTS}
local found = {}
for at, key in ipairs(KEYS) do
  local record = redis.pcall('HMGET', key, 'version', 'value', 'run', 'durable')
  if record.err and not string.find(record.err, 'WRONGTYPE', 1, true) then
    return record
  elseif record.err then
    found[at] = { '', '' }
  elseif record[1] and counts(record[3], record[4]) then
    found[at] = { record[1], record[2] }
  else
    found[at] = {}
  end
end
return found`)

/** How long a lost answer can be asked for again: far longer than anybody's patience. */
const RECEIPT_MS = 60_000

/**
 * KEYS: record, index, receipt. ARGV: life, the version it follows, value, time (ms), id. The new version, or 0.
 *
 * The receipt is for a writer whose answer was lost and who asks again: the record alone would only tell that somebody
 * wrote, and by now others may have written on top of it.
 */
export const WRITE = script(
  `${COUNTS}
local written = redis.call('GET', KEYS[3])
if written then return tonumber(written) end
local record = redis.call('HMGET', KEYS[1], 'version', 'run', 'durable')
local version = record[1] and counts(record[2], record[3]) and tonumber(record[1]) or 0
if version ~= tonumber(ARGV[3]) then return 0 end
version = version + 1
redis.call('HSET', KEYS[1], 'version', version, 'value', ARGV[4], 'run', ARGV[1], 'durable', ARGV[2])
redis.call('ZADD', KEYS[2], ARGV[5], ARGV[6])
redis.call('SET', KEYS[3], version, 'PX', ${RECEIPT_MS})
return version`,
  { decides: true },
)

/** KEYS: index. ARGV: a bound of the time, as Redis writes it. The ids of what was last written below it. */
export const IDS = script(`return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])`)

/** KEYS: record, index. ARGV: id. */
export const REMOVE = script(
  `redis.call('DEL', KEYS[1])
return redis.call('ZREM', KEYS[2], ARGV[1])`,
  { decides: true },
)

/** KEYS: index, records. ARGV: a time (ms), their ids. Removes those that are still older, and returns how many. */
export const RETIRE = script(
  `local count = 0
for at = 2, #KEYS do
  local written = redis.call('ZSCORE', KEYS[1], ARGV[at])
  if written and tonumber(written) < tonumber(ARGV[1]) then
    redis.call('DEL', KEYS[at])
    redis.call('ZREM', KEYS[1], ARGV[at])
    count = count + 1
  end
end
return count`,
  { decides: true },
)
