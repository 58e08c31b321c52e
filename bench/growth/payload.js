/*
 * How a session's size tells: `node payload.js TASK` (JSON). Values of 300 bytes to 64 KB under six keys, and 6 to 1,000
 * keys, through the engine on each store and in cookies. Tells its parent `{ done }` (a share of 1) and `{ result }`.
 */
import { createSessions } from 'hipflask'
import { sealedCookie } from 'hipflask/codecs/sealed'
import { flaskCookie } from 'hipflask/flask'
import { secret } from '../http/world.js'
import { openKind } from './kinds.js'
import { dice } from './crowd.js'

const { place, seed, times } = JSON.parse(process.argv[2])
const facts = { secure: true }
const bytes = [300, 1_000, 3_000, 10_000, 30_000, 64_000]
const keys = [6, 30, 100, 300, 1_000]
const few = 10
const random = dice(seed)

/** Text that does not compress, as tokens and ids do not. */
function noise(length) {
  const raw = Buffer.alloc(length)
  for (let at = 0; at < length; at++) raw[at] = Math.floor(random() * 256)
  return raw.toString('base64url').slice(0, length)
}

/** Six keys of so many bytes of JSON together. */
const ofBytes = (size) => ({ count: 0, a: 'a', b: 'b', c: 'c', d: 'd', text: noise(size - 60) })
/** So many keys with a few characters each. */
const ofKeys = (count) =>
  Object.fromEntries([['count', 0], ...Array.from({ length: count - 1 }, (_, n) => [`key-${n}`, noise(8)])])

const kinds = ['memory', 'file', 'sqlite', 'redis', 'postgres', 'mariadb'].filter(
  (kind) => !(kind in place) || place[kind],
)
const results = []
const scenes = bytes.length + keys.length
const codecs = { sealed: () => sealedCookie({ secret }), flask: () => flaskCookie({ secret }) }
for (const kind of [...kinds, ...Object.keys(codecs)]) {
  const opened =
    codecs[kind] === undefined ? await openKind(kind, 10_000, { ...place, files: place.folder }) : null
  const where = opened === null ? { codec: codecs[kind]() } : { store: opened.open() }
  const sessions = createSessions({ ...where, maxBytes: 1_000_000, gcEvery: false })
  const rows = { bytes: [], keys: [] }
  for (const size of bytes)
    rows.bytes.push({ at: size, ...(await measured(sessions, ofBytes(size), 'text')) })
  for (const count of keys)
    rows.keys.push({ at: count, ...(await measured(sessions, ofKeys(count), 'key-0')) })
  await opened?.close()
  results.push({ kind, ...rows })
}
process.send({ result: results })
process.disconnect()

/** Microseconds (median) of a request that reads one value, and of one that also changes another; null where it does not fit. */
async function measured(sessions, values, key) {
  const visitors = []
  try {
    for (let n = 0; n < few; n++) {
      const visit = await sessions.open(undefined, facts)
      for (const [name, value] of Object.entries(values)) visit.session.set(name, value)
      visitors.push((await visit.close()).setCookie.split(';')[0])
    }
  } catch (error) {
    if (error.code !== 'ERR_SESSION_COOKIE_SIZE') throw error
    process.send({ done: 1 / (scenes * (kinds.length + 2)) })
    return { read: null, write: null }
  }
  const taken = { read: [], write: [] }
  for (let n = 0; n < times * 2; n++) {
    const [at, what] = [n % few, n % 20 < 10 ? 'read' : 'write']
    const start = performance.now()
    const opening = sessions.open(visitors[at], facts)
    const visit = opening instanceof Promise ? await opening : opening
    if (visit.session.get(key).length !== values[key].length) throw new Error('another value came back')
    if (what === 'write') visit.session.set('count', n)
    const closing = visit.close()
    const { setCookie } = closing instanceof Promise ? await closing : closing
    taken[what].push((performance.now() - start) * 1000)
    if (setCookie !== null) visitors[at] = setCookie.split(';')[0]
  }
  process.send({ done: 1 / (scenes * (kinds.length + 2)) })
  const middle = (all) => all.toSorted((a, b) => a - b)[all.length >> 1]
  return { read: middle(taken.read), write: middle(taken.write) }
}
