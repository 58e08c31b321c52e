/*
 * One kind of store, filled to several sizes in a process of its own: `node --expose-gc grow.js TASK` (JSON). It tells its
 * parent `{ done }` (units of work), and at the end `{ result }`.
 */
import { deepStrictEqual, strictEqual } from 'node:assert'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { createSessions } from 'hipflask'
import { fullPage, page } from '../http/values.js'
import { median } from '../machine.js'
import { crowd, dice, hour } from './crowd.js'
import { openKind } from './kinds.js'

const { kind, sizes, seed, place, rounds, reads } = JSON.parse(process.argv[2])
const facts = { secure: true }
const people = await crowd(seed)
const random = dice(seed)
const tell = (done) => process.send({ done })

/** Bytes in use after a collection. */
function heap() {
  globalThis.gc()
  globalThis.gc()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

const levels = []
for (const size of sizes) {
  const before = heap()
  const { open, fill, close } = await openKind(kind, size, place)
  const start = performance.now()
  await fill(people, tell)
  const filled = performance.now() - start
  const store = open()
  const sessions = createSessions({ store, gcEvery: false, deadline: '30 seconds' })
  for (const n of [0, size - 1, ...Array.from({ length: 98 }, () => Math.floor(random() * size))]) {
    const { version: _, ...record } = await store.get(people.id(n))
    deepStrictEqual(record, people.record(n))
  }
  const memory = { heap: heap() - before, rss: process.memoryUsage.rss() }
  levels.push({ size, store, sessions, close, filled, memory, gets: [], visits: [] })
}

/** Microseconds of each call, one after the other; what answers at once is not made to wait. */
async function times(items, act) {
  const taken = new Float64Array(items.length)
  for (let at = 0; at < items.length; at++) {
    const start = performance.now()
    const pending = act(items[at])
    if (pending instanceof Promise) await pending
    taken[at] = (performance.now() - start) * 1000
  }
  taken.sort()
  return { median: taken[taken.length >> 1], p99: taken[Math.floor(taken.length * 0.99)] }
}

/** A request as the engine sees it: open, six reads, close. */
function request(sessions, header) {
  const opened = sessions.open(header, facts)
  return opened instanceof Promise ? opened.then(look) : look(opened)
}

function look(visit) {
  const s = visit.session
  const seen = page(s.user, s.theme, s.locale, s.visits, s.cart, s.token)
  if (seen.length !== fullPage.length) throw new Error('a session came back with other values')
  return visit.close()
}

// All sizes in turn, so that whatever else the machine does meets each of them alike; the first round warms up.
for (let round = 0; round <= rounds; round++) {
  for (const { size, store, sessions, gets, visits } of levels) {
    const some = Array.from({ length: reads }, () => Math.floor(random() * size))
    const [ids, headers] = [some.map(people.id), some.map(people.header)]
    const [get, visit] = [
      await times(ids, (id) => store.get(id)),
      await times(headers, (header) => request(sessions, header)),
    ]
    if (round > 0) {
      gets.push(get)
      visits.push(visit)
    }
  }
  tell(0)
}

/** Sweeps the largest store while one request after the other is served. */
async function sweep({ size, store, sessions }) {
  const live = () => 2 * Math.floor((random() * size) / 2)
  const headers = Array.from({ length: 4_000 }, () => people.header(live()))
  heap()
  const before = process.memoryUsage()
  const peak = { ...before }
  const delay = monitorEventLoopDelay({ resolution: 1 })
  const watch = setInterval(() => {
    const { rss, heapUsed } = process.memoryUsage()
    peak.rss = Math.max(peak.rss, rss)
    peak.heapUsed = Math.max(peak.heapUsed, heapUsed)
  }, 5)
  delay.enable()
  const start = performance.now()
  const state = { over: false }
  const sweeping = (async () => store.gc(Date.now() + 2 * hour))().finally(() => (state.over = true))
  const taken = []
  while (!state.over) {
    const from = performance.now()
    await request(sessions, headers[taken.length % headers.length])
    taken.push((performance.now() - from) * 1000)
    await pause(1)
  }
  const removed = await sweeping
  strictEqual(removed, size / 2)
  const duration = performance.now() - start
  // One more turn, so that a last long one is counted, too.
  await pause(5)
  delay.disable()
  clearInterval(watch)
  const after = heap()
  taken.sort((a, b) => a - b)
  for (const n of [live(), live(), live()]) strictEqual((await store.get(people.id(n))).id, people.id(n))
  return {
    ...{ size, removed, duration, served: taken.length },
    request: { median: median(taken), p99: taken[Math.floor(taken.length * 0.99)] },
    delay: { p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 },
    memory: {
      before: before.rss,
      peak: peak.rss,
      heapBefore: before.heapUsed,
      heapPeak: peak.heapUsed,
      after,
    },
  }
}

const of = (rows, field) => median(rows.map((row) => row[field]))
const largest = levels.at(-1)
const swept = kind === 'redis' ? null : await sweep(largest)
const result = {
  kind,
  levels: levels.map(({ size, filled, memory, gets, visits }) => ({
    ...{ size, filled, memory },
    get: { median: of(gets, 'median'), p99: of(gets, 'p99') },
    visit: { median: of(visits, 'median'), p99: of(visits, 'p99') },
  })),
  swept,
}
for (const { close } of levels) await close()
process.send({ result })
process.disconnect()
