import { hash } from 'node:crypto'
import type { Script } from '../stores/redis/scripts.ts'

/*
 * A record of Flask-Session has no version of its own, so what is compared is all of it: the version that was seen is the
 * value that was read. Times to live are milliseconds.
 */

function script(source: string): Script {
  return { source, sha: hash('sha1', source, 'hex') }
}

// What is no string is no session: for a reader an error, which is told; for a writer it is gone.
const opening = `
local function opened(key)
  local value = redis.pcall('GET', key)
  if type(value) ~= 'table' then return value end
  if not string.find(value.err, 'WRONGTYPE', 1, true) then return redis.call('GET', key) end
  return false
end`

/** KEYS record · ARGV least ttl · the value and its time to live, first set to \`ttl\` if it was less than \`least\`; or nil. */
export const READ: Script = script(`
local value = redis.call('GET', KEYS[1])
if not value then return nil end
local left = redis.call('PTTL', KEYS[1])
if left >= 0 and left < tonumber(ARGV[1]) then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  left = tonumber(ARGV[2])
end
return {value, left}`)

// A client that lost its connection may send a command twice. That a new id has this very value tells it was done already.
/** KEYS record · ARGV value ttl · 1, or 0: taken. */
export const CREATE: Script = script(`
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
return redis.pcall('GET', KEYS[1]) == ARGV[1] and 1 or 0`)

/** KEYS record · ARGV value ttl seen · an outcome. */
export const UPDATE: Script = script(`${opening}
local value = opened(KEYS[1])
if not value then return 'gone' end
if value ~= ARGV[3] then return 'conflict' end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 'done'`)

/** KEYS from to · ARGV value ttl seen · an outcome. Both keys in one slot. */
export const ROTATE: Script = script(`${opening}
local value = opened(KEYS[1])
if not value then return redis.pcall('GET', KEYS[2]) == ARGV[1] and 'done' or 'gone' end
if value ~= ARGV[3] or redis.call('EXISTS', KEYS[2]) == 1 then return 'conflict' end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
redis.call('DEL', KEYS[1])
return 'done'`)

/** KEYS record · ARGV seen · an outcome: the record ended if it still was what was seen. */
export const END: Script = script(`${opening}
local value = opened(KEYS[1])
if not value then return 'gone' end
if value ~= ARGV[1] then return 'conflict' end
redis.call('DEL', KEYS[1])
return 'done'`)
