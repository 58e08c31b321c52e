import { hash } from 'node:crypto'
import { LINE, MAGIC, PLACES } from '../stamped-record.ts'
import type { Field } from '../stamped-record.ts'

/** A script as the server knows it. */
export interface Script {
  readonly source: string
  readonly sha: string
}

/** How long (milliseconds) a record stays after its `expiresAt`: the engine, not the server's clock, decides who is dead. */
export const MARGIN = 60_000

/** For how long (milliseconds) an entry without a record may be that of a session which is just being born. */
const BIRTH = 600_000

/** The Lua expression for a field of the first line `of`. */
function field(name: Field, of: string): string {
  const [from, to] = PLACES[name]
  return `string.sub(${of}, ${from + 1}, ${to})`
}

const range = ([from, to]: readonly [number, number]): string => `${from}, ${to - 1}`
const ours = (text: string): string => `string.sub(${text}, 1, ${MAGIC.length}) == '${MAGIC}'`
const sameTimes = PLACES.seenAt[0]

// Times are numbers below 2^53, which Lua's doubles hold exactly; written out by the format, never as 1.7e+12.
const renewal = `
local function renew(line, seen, wished)
  local ends = ${field('endsAt', 'line')}
  local till = tonumber(wished) < tonumber(ends) and wished or ends
  redis.call('SETRANGE', KEYS[1], ${sameTimes}, seen .. ' ' .. till)
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.max(0, tonumber(till) - tonumber(seen)) + ${MARGIN}))
  return till
end`

// What is no string of ours is no session: for a writer it is gone, and it is left as it is.
const opening = `
local function opened(key)
  local line = redis.pcall('GETRANGE', key, 0, ${LINE - 1})
  if type(line) == 'table' then
    if not string.find(line.err, 'WRONGTYPE', 1, true) then redis.call('GETRANGE', key, 0, 0) end
    return nil
  end
  return ${ours('line')} and line or nil
end`

function script(source: string): Script {
  return { source, sha: hash('sha1', source, 'hex') }
}

/** KEYS record · ARGV seenBefore seenAt expiresAt · the record's text, renewed where that applies, or nil. */
export const RENEW: Script = script(`${renewal}
local text = redis.call('GET', KEYS[1])
if not text or not (${ours('text')}) then return text end
local seen, expires = ${field('seenAt', 'text')}, ${field('expiresAt', 'text')}
if tonumber(seen) >= tonumber(ARGV[1]) or tonumber(expires) <= tonumber(ARGV[2]) then return text end
local till = renew(text, ARGV[2], ARGV[3])
return string.sub(text, 1, ${sameTimes}) .. ARGV[2] .. ' ' .. till .. string.sub(text, ${PLACES.expiresAt[1] + 1})`)

// A client that lost its connection may send a command twice. The stamp, drawn by the caller, tells it was done already.
/** KEYS record · ARGV text ttl stamp · 1, or 0: taken. */
export const CREATE: Script = script(`
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
return redis.pcall('GETRANGE', KEYS[1], ${range(PLACES.stamp)}) == ARGV[3] and 1 or 0`)

/** KEYS record · ARGV text ttl stamp seen owner endsAt · an outcome, or 'unlisted': its user's index must know it first. */
export const UPDATE: Script = script(`${opening}
local line = opened(KEYS[1])
if not line then return 'gone' end
local stamp = ${field('stamp', 'line')}
if stamp == ARGV[3] then return 'done' end
if stamp ~= ARGV[4] then return 'conflict' end
if ARGV[5] ~= '' and (${field('owner', 'line')} ~= ARGV[5] or tonumber(${field('endsAt', 'line')}) < tonumber(ARGV[6])) then
  return 'unlisted'
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 'done'`)

/** KEYS from to · ARGV text ttl stamp seen · an outcome. Both keys in one slot. */
export const ROTATE: Script = script(`${opening}
local line = opened(KEYS[1])
if not line then
  return redis.pcall('GETRANGE', KEYS[2], ${range(PLACES.stamp)}) == ARGV[3] and 'done' or 'gone'
end
if ${field('stamp', 'line')} ~= ARGV[4] or redis.call('EXISTS', KEYS[2]) == 1 then return 'conflict' end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
redis.call('DEL', KEYS[1])
return 'done'`)

/** KEYS record · ARGV seen · an outcome: the record ended if it still was the version seen. */
export const END: Script = script(`${opening}
local line = opened(KEYS[1])
if not line then return 'gone' end
if ${field('stamp', 'line')} ~= ARGV[1] then return 'conflict' end
redis.call('DEL', KEYS[1])
return 'done'`)

/** KEYS record · ARGV seenAt expiresAt · 1, or 0: no such record. */
export const TOUCH: Script = script(`${renewal}${opening}
local line = opened(KEYS[1])
if not line then return 0 end
renew(line, ARGV[1], ARGV[2])
return 1`)

/** KEYS records · their texts up to the values; nil where there is none, an empty text where the value is not ours. */
export const PEEK: Script = script(`${opening}
local texts = {}
for at, key in ipairs(KEYS) do
  local line = opened(key)
  if line then texts[at] = redis.call('GETRANGE', key, 0, ${LINE - 1} + tonumber(${field('noteBytes', 'line')}))
  else texts[at] = redis.call('EXISTS', key) == 1 and '' end
end
return texts`)

/** KEYS index · ARGV id ttl · how many entries the index has now. */
export const ENLIST: Script = script(`
local now = redis.call('TIME')
redis.call('ZADD', KEYS[1], string.format('%.0f', now[1] * 1000), ARGV[1])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return redis.call('ZCARD', KEYS[1])`)

/** KEYS index · ARGV ids without a record · takes out those that are not just being born. */
export const DELIST: Script = script(`
local old = redis.call('TIME')[1] * 1000 - ${BIRTH}
for _, id in ipairs(ARGV) do
  local since = redis.call('ZSCORE', KEYS[1], id)
  if since and tonumber(since) < old then redis.call('ZREM', KEYS[1], id) end
end
return 0`)
