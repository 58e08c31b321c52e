// One of several processes that load one store through the engine, as the torture tells it: `node worker.mjs JSON`.
// It imports what is published, so build first. It answers one line of JSON on its standard output.
import { setTimeout as pause } from 'node:timers/promises'
import { createSessions } from '../../dist/index.js'
import { openStore } from '../../dist/stores/url.js'

const { url, task, seed, cookie, name, writes, inFlight, races } = JSON.parse(process.argv[2])
const store = await openStore(url)
const facts = { secure: true }
const sessions = createSessions({
  store,
  deadline: '120 seconds',
  idle: '10 hours',
  userOf: (data) => data.user,
  gcEvery: false,
})

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
function random(from) {
  let state = from >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** Each lane writes its own key of one session, and looks each time whether its last acknowledged write is there. */
async function keys() {
  let left = writes
  let lost = 0
  let acknowledged = 0
  const lane = async (at) => {
    const key = `${name}-${at}`
    let last
    while (left-- > 0) {
      const visit = await sessions.open(cookie, facts)
      if (visit.session.get(key) !== last) lost++
      const next = (last ?? 0) + 1
      visit.session.set(key, next)
      await visit.close()
      last = next
      acknowledged++
    }
    return [key, last ?? 0]
  }
  const lanes = await Promise.all(Array.from({ length: inFlight }, (_, at) => lane(at)))
  return { acknowledged, lost, lanes: Object.fromEntries(lanes) }
}

async function count() {
  let left = writes
  let acknowledged = 0
  const lane = async () => {
    while (left-- > 0) {
      const visit = await sessions.open(cookie, facts)
      visit.session.update('sum', (sum = 0) => sum + 1)
      await visit.close()
      acknowledged++
    }
  }
  await Promise.all(Array.from({ length: inFlight }, lane))
  return { acknowledged }
}

const late = [
  (s) => s.set('late', 1),
  (s) => s.update('n', (n = 0) => n + 1),
  (s) => s.get('a'),
  (s) => s.flash('late'),
  (s) => s.flashes(),
  (s) => s.regenerate(),
  (s) => s.set('user', 'mallory'),
  (s) => s.clear(),
  (s) => (s.permanent = true),
  (s) => s.a?.push(2),
]
const rotating = new Set(late.slice(5, 8))

/** Sessions that are ended while other requests of theirs are under way: none may be alive afterwards, under any id. */
async function endings() {
  let left = races
  let done = 0
  const revived = []
  const race = async (dice) => {
    const born = await sessions.open(undefined, facts)
    Object.assign(born.session, { a: [1], user: `u${name}-${done}-${Math.floor(dice() * 1e9)}` })
    const { user } = born.session
    born.session.flash('hello')
    const header = (await born.close()).setCookie.split(';')[0]
    const ids = new Set([header])
    const others = Array.from({ length: 1 + Math.floor(dice() * 3) }, () => ({
      wait: dice() < 0.5 ? 0 : dice() * 4,
      work: late[Math.floor(dice() * late.length)],
      opens: dice() < 0.8 ? 'before' : 'whenever',
    }))
    const early = await Promise.all(
      others.map(({ opens }) => (opens === 'before' ? sessions.open(header, facts) : null)),
    )
    const other = async ({ wait, work }, at) => {
      await pause(wait)
      const visit = early[at] ?? (await sessions.open(header, facts))
      if (visit.session.meta.isNew) return
      work(visit.session)
      if (wait > 2) await pause(dice() * 3)
      const { setCookie } = await visit.close()
      if (setCookie !== null && !setCookie.includes('Max-Age=0')) ids.add(setCookie.split(';')[0])
    }
    const end = async () => {
      await pause(dice() * 4)
      const visit = await sessions.open(header, facts)
      if (visit.session.meta.isNew) return false
      visit.session.destroy()
      const left = await visit.close()
      return left.setCookie !== null
    }
    // `regenerate`, another user, and a `clear` that leaves no user: each gives a new id.
    const rotates = others.some(({ work }) => rotating.has(work))
    const [ended] = await Promise.all([end(), ...others.map(other)])
    // The old id is dead in any case; a new id is alive only where a rotation came before the end.
    for (const id of ids) {
      const check = await sessions.open(id, facts)
      const alive = !check.session.meta.isNew
      if (alive && (id === header || !rotates))
        revived.push({ ended, others: others.map(({ work }) => String(work)) })
      if (alive) check.session.destroy()
      await check.close()
    }
    await sessions.revokeUser(user).catch((error) => {
      if (error.code !== 'ERR_SESSION_UNSUPPORTED') throw error
    })
    done++
  }
  const lane = async (at) => {
    const own = random(seed + at * 7919)
    while (left-- > 0) await race(own)
  }
  await Promise.all(Array.from({ length: inFlight }, (_, at) => lane(at)))
  return { races: done, revived }
}

const tasks = { keys, count, endings }
const answer = await tasks[task]()
process.stdout.write(`${JSON.stringify(answer)}\n`)
await store.close()
