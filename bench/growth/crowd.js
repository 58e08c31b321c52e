import { strictEqual } from 'node:assert'
import { hash } from 'node:crypto'
import { createSessions } from 'hipflask'
import { memoryStore } from 'hipflask/stores/memory'
import { values } from '../http/values.js'

/** One hour in milliseconds. */
export const hour = 3_600_000

/**
 * A crowd of visitors without end, the same for the same seed: the `n`th has a token of its own and a record as the
 * engine would have stored it, six keys in 300 bytes of JSON. Every second one has only an hour to live.
 */
export async function crowd(seed, now = Date.now()) {
  // What the engine writes for these values, with 43 characters of them to be replaced by the visitor's own.
  const store = memoryStore({ max: 1 })
  const visit = await createSessions({ store }).open(undefined, { secure: true })
  Object.assign(visit.session, values)
  await visit.close()
  const { data } = store.page(null, 1).sessions.map(({ id }) => store.get(id))[0]
  const own = values.token.slice(0, 43)
  strictEqual(data.split(own).length, 2)
  const bytes = Buffer.from(data)
  const at = data.indexOf(own)

  const token = (n) => hash('sha256', `${seed}:${n}`, 'base64url')
  const id = (n) => hash('sha256', token(n), 'base64url')
  return {
    id,
    /** The Cookie header of visitor `n`. */
    header: (n) => `__Host-session=${token(n)}`,
    /** What is stored for visitor `n`. */
    record(n) {
      bytes.write(token(n), at, 'latin1')
      return {
        ...{ id: id(n), data: bytes.latin1Slice(), user: null, label: null },
        ...{ createdAt: now, seenAt: now, endsAt: now + 31 * 24 * hour },
        expiresAt: now + (n % 2 === 1 ? hour : 31 * 24 * hour),
      }
    },
  }
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function dice(from) {
  let state = from >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}
