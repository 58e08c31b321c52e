import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { barChart, lineChart } from '../plot.js'

const names = {
  ...{ memory: 'memory', file: 'file', sqlite: 'SQLite', redis: 'Redis', postgres: 'PostgreSQL' },
  ...{ mariadb: 'MariaDB', sealed: 'sealed cookie', flask: 'Flask’s cookie' },
}
/** How much longer a read may take in the largest store than in the smallest. */
const targets = { memory: 1.3, redis: 1.3, sqlite: 1.3, postgres: 1.3, file: 2 }
const delayTarget = 50
const heapTarget = 700
/** More than this (bytes) of additional memory during a sweep would not be called bounded. */
const growthTarget = 100 * 1024 * 1024

const whole = (value) => Math.round(value).toLocaleString('en')
const short = (value) => (value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : whole(value))
const mebibytes = (bytes) => whole(bytes / 1024 / 1024)
const verdict = (met) => (met ? 'met' : '**missed**')

function table(columns, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`
  const rule = columns.map((_, at) => (at === 0 ? '---' : '---:'))
  return [line(columns), line(rule), ...rows.map(line)].join('\n')
}

/** A row of a table. */
function row(first, ...rest) {
  return [first, ...rest.flat()]
}

/** Writes growth.md and its plots from what was measured, into the folder `docs`. */
export async function writePage(figures, docs) {
  const { stores, payload, connections } = figures
  const images = path.join(docs, 'images')
  mkdirSync(images, { recursive: true })
  const plot = async (name, svg) => writeFileSync(path.join(images, `growth-${name}.svg`), await svg)
  const sized = { title: 'sessions in the store', log: true, format: '~s', values: figures.sizes }
  const micros = { title: 'microseconds', log: true }
  const curve = (field) =>
    stores.map(({ kind, levels }) => ({
      name: names[kind],
      points: levels.map((level) => [level.size, level[field].median]),
    }))
  await plot(
    'reads',
    lineChart({
      ...{ title: 'Reading a session, by how many there are', subtitle: 'store.get of random ids, median' },
      ...{ x: sized, y: micros, series: curve('get') },
    }),
  )
  await plot(
    'requests',
    lineChart({
      ...{ title: 'A request, by how many sessions there are', subtitle: 'open, six reads, close; median' },
      ...{ x: sized, y: micros, series: curve('visit') },
    }),
  )
  const swept = stores.filter((store) => store.swept !== null)
  await plot(
    'sweep',
    barChart({
      title: 'Event loop while the dead half is swept',
      subtitle: `delay in milliseconds, 99th percentile, ${whole(figures.sizes.at(-1))} sessions`,
      y: { title: 'milliseconds' },
      bars: swept.map(({ kind, swept: { delay } }) => ({ name: names[kind], value: delay.p99 })),
      limit: { value: delayTarget, name: `limit: ${delayTarget} ms` },
    }),
  )
  const weights = (which, field) =>
    payload.map((one) => ({ name: names[one.kind], points: one[which].map((row) => [row.at, row[field]]) }))
  await plot(
    'bytes',
    lineChart({
      ...{ title: 'A request that writes, by the size of its session', subtitle: 'six keys; median' },
      x: { title: 'bytes of JSON', log: true, format: '~s', values: payload[0].bytes.map((row) => row.at) },
      ...{ y: micros, series: weights('bytes', 'write') },
    }),
  )
  await plot(
    'keys',
    lineChart({
      ...{ title: 'A request that writes, by the keys of its session', subtitle: 'short values; median' },
      x: { title: 'keys', log: true, format: ',', values: payload[0].keys.map((row) => row.at) },
      ...{ y: micros, series: weights('keys', 'write') },
    }),
  )
  if (connections !== null)
    await plot(
      'connections',
      lineChart({
        title: 'Requests per second, by connections',
        subtitle: 'node:http, each request reads a session',
        x: {
          title: 'connections',
          log: true,
          format: ',',
          values: connections[0].rows.map((row) => row.count),
        },
        y: { title: 'requests per second', format: '~s' },
        series: connections.map(({ kind, rows }) => ({
          name: names[kind],
          points: rows.map((row) => [row.count, row['/read']?.rate || null]),
        })),
      }),
    )
  writeFileSync(path.join(docs, 'growth.md'), pageOf(figures))
}

function busy(load) {
  return `

**Taken while the machine had other work to do (load ${load.toFixed(1)} at the start): p99, longest delays and many connections
most of all are rough, a dash where too little was answered to count. Run it again on a quiet machine.**`
}

function pageOf(figures) {
  const { stores, payload, connections, versions, missing, sizes, fileSystem, load } = figures
  const [least, most] = [sizes[0], sizes.at(-1)]
  const heaps = stores.find(({ kind }) => kind === 'memory')?.levels.at(-1)
  const perSession = heaps === undefined ? null : heaps.memory.heap / heaps.size
  const served = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  const reading = (field) =>
    table(
      ['', ...sizes.map((size) => `${whole(size)}: median, p99`), 'largest : smallest', 'target'],
      stores.map(({ kind, levels }) => {
        const ratio = levels.at(-1)[field].median / levels[0][field].median
        const target = targets[kind]
        const cells = sizes.map((size) => {
          const level = levels.find((one) => one.size === size)
          return level === undefined ? '–' : `${short(level[field].median)}, ${short(level[field].p99)}`
        })
        const met = target === undefined ? '–' : `${target}×: ${verdict(ratio <= target)}`
        return row(names[kind], cells, `${ratio.toFixed(2)}×`, met)
      }),
    )
  /** By how much a request is longer in the largest store than in the smallest (microseconds). */
  const costs = (kind) => {
    const levels = stores.find((store) => store.kind === kind)?.levels
    return levels === undefined ? '–' : short(levels.at(-1).visit.median - levels[0].visit.median)
  }
  const weighed = (which, unit) =>
    table(
      [unit, ...payload.map(({ kind }) => names[kind])],
      payload[0][which].map(({ at }, n) =>
        row(
          whole(at),
          payload.map((one) => {
            const { read, write } = one[which][n]
            return read === null ? '–' : `${short(read)}, ${short(write)}`
          }),
        ),
      ),
    )
  return `# How it grows

Written by \`npm run bench:growth\`${figures.quick ? ' (`--quick`: to 100,000 only)' : ''} on ${figures.machine}${
    served.length > 0
      ? `,
${served.join(', ')}`
      : ''
  }; seed ${figures.seed}, ${Math.round(figures.minutes)} minutes. Real servers on loopback; the file store's
files on ${fileSystem}. A session has six keys, 300 bytes of JSON. Stores are
filled in bulk in the form they write themselves; a hundred of each size are read back and compared.
Times are microseconds unless it says otherwise.${load > 1 ? busy(load) : ''}${missing.length > 0 ? `\n\nLeft out: ${missing.join('; ')}.` : ''}

## Reading one of many

\`store.get\` of random ids, one after the other. Every size is a store of its own, and all sizes are asked in turn, so what
else the machine does meets all of them alike.

${reading('get')}

![Reading a session, by how many there are](images/growth-reads.svg)

The same as a request sees it: \`open\`, six reads, \`close\`.

${reading('visit')}

![A request, by how many sessions there are](images/growth-requests.svg)

What grows is distance, not work: ${whole(least)} sessions lie in the processor's caches, ${whole(most)} in memory. In the memory
store a lookup then waits for memory about ten times, and that is all it does; SQLite walks two more pages, which are no
longer in its own cache. It makes a request longer by ${costs('memory')} µs and ${costs('sqlite')} µs.

## Memory

${table(
  ['', ...sizes.map((size) => `${whole(size)}: process, MiB`)],
  stores.map(({ kind, levels }) =>
    row(
      names[kind],
      sizes.map((size) => {
        const level = levels.find((one) => one.size === size)
        return level === undefined ? '–' : mebibytes(level.memory.rss)
      }),
    ),
  ),
)}

${perSession === null ? '' : `The memory store takes **${whole(perSession)} bytes** of heap for an idle session of 300 bytes (target: at most ${heapTarget}): ${verdict(perSession <= heapTarget)}.`}
A process holds all sizes up to the one named, and what the bulk load left behind.

## Sweeping

\`gc\` over ${whole(most)} sessions, half of them expired, while one request after the other is served. Delays of the event loop
as \`perf_hooks\` sees them, each millisecond. Redis removes what has expired by itself.

${table(
  [
    ...['', 'sessions', 'removed', 'seconds', 'loop delay p99, ms', `p99 < ${delayTarget} ms`, 'max, ms'],
    ...['process before, peak, MiB', 'bounded', 'requests meanwhile', 'request median, p99'],
  ],
  stores
    .filter(({ swept }) => swept !== null)
    .map(({ kind, swept: { size, removed, duration, delay, memory, served: requests, request } }) =>
      row(
        names[kind],
        [whole(size), whole(removed), (duration / 1000).toFixed(1)],
        [delay.p99.toFixed(1), verdict(delay.p99 < delayTarget), delay.max.toFixed(0)],
        `${mebibytes(memory.before)}, ${mebibytes(memory.peak)}`,
        [verdict(memory.peak - memory.before < growthTarget), whole(requests)],
        `${short(request.median)}, ${short(request.p99)}`,
      ),
    ),
)}

Bounded: the process grows by less than ${mebibytes(growthTarget)} MiB meanwhile.

![Event loop while the dead half is swept](images/growth-sweep.svg)

## Large sessions

A request that reads one value, and one that reads it and changes another (read, write; medians). Cookies end where
browsers drop them, at 4096 bytes; the values here do not compress. Six keys:

${weighed('bytes', 'bytes of JSON')}

![A request that writes, by the size of its session](images/growth-bytes.svg)

Many keys with short values:

${weighed('keys', 'keys')}

![A request that writes, by the keys of its session](images/growth-keys.svg)
${connections === null ? '' : connectionsOf(connections)}`
}

function connectionsOf(connections) {
  const rows = connections.flatMap(({ kind, rows: loads }) =>
    [
      ['/read', 'reads'],
      ['/write', 'writes'],
    ].map(([page, what]) =>
      row(
        `${names[kind]}, ${what}`,
        loads.map(({ [page]: load }) =>
          load === null || load.rate === 0 ? '–' : `${whole(load.rate)}, ${short(load.p99)}`,
        ),
      ),
    ),
  )
  return `
## Many connections

One process of node:http on a CPU of its own, \`wrk\` on the other, 1,000 sessions at random: requests per second, p99 in
milliseconds; medians of three loads of a second.

${table(['', ...connections[0].rows.map(({ count }) => (count === 1 ? '1 connection' : whole(count)))], rows)}

![Requests per second, by connections](images/growth-connections.svg)
`
}
