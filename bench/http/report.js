import { chartsOf } from './charts.js'
import { addedBy, isOurs, isPeer, micros, refusedOf, times } from './figures.js'
import { costlier, otherLosses } from './losses.js'
import { frameworks } from './places.js'
import { distancesOf, targetsOf } from './targets.js'

/** A table whose columns are figures but for the first so many. */
const table = (head, rows, texts = 1) =>
  [
    `| ${head.join(' | ')} |`,
    `|${head.map((_, at) => (at < texts ? '---' : '---:')).join('|')}|`,
    ...rows.map((cells) => `| ${cells.join(' | ')} |`),
  ].join('\n')

/** The page docs/performance.md, the part of it that the README shows, and the charts, from the figures of a run. Pure. */
export function reportOf(whole, { growth = false } = {}) {
  const charts = chartsOf(whole)
  return { page: pageOf(whole, charts, growth), readme: readmeOf(whole, charts), charts }
}

function pageOf(whole, charts, growth) {
  const { plan, machine, versions, missing, results, startup } = whole
  const failed = results.filter(({ failure }) => failure !== undefined)
  return `# Side by side

Written by \`npm run bench:http${plan.quick ? ' -- --quick' : plan.short ? ' -- --short' : ''}\` on ${machine}.${
    plan.quick ? ' A quick run: one short round of each, so the figures are rough.' : ''
  }${plan.short ? ' A short run: the whole one also has files, SQLite, PostgreSQL and further variants.' : ''} Versions: ${Object.entries(
    versions,
  )
    .map(([name, version]) => `${name} ${version}`)
    .join(', ')}.

Every server has one CPU to itself; wrk (64 kept connections) and the databases have another. A session holds six keys, 300
bytes of JSON. **The figure to trust is the CPU time (user and system) that the server spends on a request more than the same
framework does without a session**, measured in turn with it: ${plan.between} lines and the bare framework are loaded for ${plan.window} ms each, again and again; medians of
${plan.rounds * plan.cycles} such windows${plan.rounds === 1 ? '' : ` in ${plan.rounds} rounds`}, on Express of twice as many, for its cost varies most. Before each load the server must answer rightly (a
read shows the values, a write counts) and is warmed up; a run in which wrk meets an error is no figure. Servers keep their
compiled code while they wait for their turn (\`--no-flush-bytecode\`). ${disturbance(results)}

- **S1** reads a session. **S2** counts a write, 64 sessions in turn. **S3** an anonymous visitor, the session is not touched.
  **S3c** the same with the cookie of a valid session. **S4** reads one of ${plan.sessions.toLocaleString('en')} sessions at random.
- **floor**: a lower bound written by hand, without any library, that does only what there is no way around: a cookie found in
  the header, a SHA-256, one look into a map, one command with the same client (a compare-and-swap for a write), or one
  HMAC or AES-GCM; and JSON. It has no settings, no events, no \`Vary\`, no renewal of keys.
- **lost**: 200 overlapping requests count in one session; so many counts are missing afterwards. In a cookie without a store
  nobody can do better.
- Settings: express-session with \`resave\` and \`saveUninitialized\` off; @fastify/session with \`saveUninitialized\` off, and
  again with \`rolling\` off; hipflask and the floor on PostgreSQL with prepared statements, which connect-pg-simple does not
  offer; ioredis with automatic pipelining; PostgreSQL without waiting for its disk; all else as it comes.
${missing.map((line) => `\n${line[0].toUpperCase()}${line.slice(1)}.`).join('')}${
    failed.length === 0
      ? ''
      : `\nNot measured, or not wholly:\n\n${failed.map((line) => `- ${frameworks[line.framework]}, ${line.label}: ${line.failure.replaceAll('\n', ' ')}`).join('\n')}\n`
  }
## Targets

${table(
  ['target', 'outcome', 'furthest off, or nearest to it'],
  targetsOf(whole).map(({ target, met, of, worst }) => [
    target,
    met === of
      ? of === 1
        ? 'met'
        : `met, all ${of}`
      : of === 1
        ? '**missed**'
        : `**missed** by ${of - met} of ${of}`,
    worst,
  ]),
)}

${missedBounds(whole)}How far each place is from its floor, and the best other library of the same framework and kind of store, in microseconds of
CPU added:

${distances(whole)}

## Where hipflask loses

Every case of this run in which another library of the same framework and kind of store does better, the furthest behind
first; and everything of hipflask’s that overlapping requests left wrong.

${losses(whole)}

${Object.keys(frameworks)
  .map((framework) => sectionOf(whole, framework, charts))
  .filter((text) => text !== '')
  .join('\n\n')}
${startup === null ? '' : `\n${startupSection(startup)}\n`}${
    growth ? '\nHow the cost grows with sessions, sizes, keys and connections: [growth](growth.md).\n' : ''
  }`
}

/** What bounds the targets that are missed, each reason once. */
function missedBounds(whole) {
  const reasons = new Map()
  for (const { target, met, of, bound } of targetsOf(whole)) {
    if (met === of || bound === '') continue
    reasons.set(bound, [...(reasons.get(bound) ?? []), target])
  }
  if (reasons.size === 0) return ''
  const lines = [...reasons].map(([bound, targets]) => `- **${targets.join('; ')}.** ${bound}`)
  return `What bounds those that are missed, found by profiles and not by this run:\n\n${lines.join('\n')}\n\n`
}

/** How far other programs took part in the figures. */
function disturbance(results) {
  const shares = results
    .flatMap(({ scenes }) => Object.values(scenes).map(({ disturbed }) => disturbed))
    .toSorted((a, b) => a - b)
  if (shares.length === 0) return ''
  const percent = (share) => `${Math.round(share * 100)} %`
  const many = shares.filter((share) => share > 0.1).length
  return `Other programs had ${percent(shares[shares.length >> 1])} of the server’s CPU (median), and more than a tenth of it in ${many} of the
${shares.length} figures${many > shares.length / 10 ? ': **this machine was not quiet, and the figures are rough**' : ''}.`
}

function losses(whole) {
  const found = costlier(whole)
  const rows = (some) => some.map(({ name, what, ours, theirs }) => [name, what, ours, theirs])
  const head = ['hipflask', '', 'µs', 'who does better, µs, and what it does not keep']
  const clear = found.filter((row) => row.clear)
  const faint = found.filter((row) => !row.clear)
  const others = otherLosses(whole)
  const parts = [
    clear.length === 0 ? 'In CPU time: nowhere clearly.' : table(head, rows(clear), 4),
    ...(faint.length === 0
      ? []
      : [
          `By no more than two measurements of one and the same server differ:\n\n${table(head, rows(faint), 4)}`,
        ]),
    ...(others.length === 0 ? [] : [others.map((line) => `- ${line}`).join('\n')]),
  ]
  return parts.join('\n\n')
}

function distances(whole) {
  const cell = ({ added, floor, ratio, peer, scene, limit }) => {
    const parts = [micros(added)]
    if (floor !== null)
      parts.push(
        `floor ${micros(floor)}${ratio === null ? '' : ` (${times(ratio)}${ratio <= limit ? '' : ' ✗'})`}`,
      )
    if (peer !== null)
      parts.push(`${peer.label} ${micros(addedBy(peer, scene))}${added < addedBy(peer, scene) ? '' : ' ✗'}`)
    return parts.join(' · ')
  }
  return table(
    ['hipflask on', 'S1 read', 'S4 read at random', 'S2 write'],
    distancesOf(whole).map(({ name, cells }) => [name].concat(cells.map(cell))),
  )
}

function sectionOf({ results }, framework, charts) {
  const lines = results.filter((line) => line.framework === framework && Object.keys(line.scenes).length > 0)
  const [bare, ...others] = lines
  if (others.length === 0) return ''
  const chart = charts[`performance-${framework}.svg`]
  const image = chart === undefined ? '' : `![${chart.alt}](images/performance-${framework}.svg)\n\n`
  const { cpu, rate } = bare.scenes.S0
  return `## ${frameworks[framework]}

Without a session a request costs ${micros(cpu)} µs of CPU, and there are ${thousands(rate)} requests per second; two neighbouring
measurements of it differ by ${micros(bare.noise)} µs (median): smaller differences below are noise.

${image}CPU added, in microseconds per request, and what it keeps when requests overlap:

${table(
  ['', 'S1 read', 'S2 write', 'S3 anonymous', 'S3c not used', 'S4 at random', 'lost of 200'],
  others.map((line) => [
    nameIn(line),
    ...['S1', 'S2', 'S3', 'S3c', 'S4'].map((scene) => micros(addedBy(line, scene))),
    line.correctness === undefined ? '–' : String(line.correctness.lost.lost),
  ]),
)}

Requests per second (and the share of those without a session), latency in milliseconds, memory after the runs, what the
browser sends, and what the store is asked per request:

${table(
  [
    '',
    'S1 requests/s',
    'S2 requests/s',
    'S3',
    'S3c',
    'S1 p50 / p99',
    'S2 p50 / p99',
    'RSS MiB',
    'Cookie bytes',
    'read',
    'write',
    'anonymous',
    'not used',
  ],
  others.map((line) => [nameIn(line), ...trafficOf(line)]),
)}

Overlapping requests (S5): writes lost of 200, without a wait and in a handler of 10 ms; requests
refused, by an error or a connection cut; logouts revived by a slow write and by
a slow read, for the browser’s own cookies / for the old cookie, of 5; pages after a login that did not know it yet, and with
writes to the store 25 ms slower (–: nothing that could be slowed):

${table(
  [
    '',
    'lost',
    'lost in 10 ms',
    'refused',
    'slow write revives',
    'slow read revives',
    'stale',
    'stale, slow store',
  ],
  others.map((line) => [nameIn(line)].concat(wrongCells(line))),
)}`
}

const nameIn = (line) => (isOurs(line) ? `**${line.label}**` : line.label)
const thousands = (rate) =>
  rate >= 10_000 ? `${(rate / 1000).toFixed(1)}k` : Math.round(rate).toLocaleString('en')

function trafficOf({ scenes, bytes, commands }) {
  const rates = (scene) =>
    scenes[scene] === undefined ? '–' : `${thousands(scenes[scene].rate)} (${scenes[scene].ratio.toFixed(2)})`
  const share = (scene) => scenes[scene]?.ratio.toFixed(2) ?? '–'
  const latency = (scene) =>
    scenes[scene] === undefined ? '–' : `${scenes[scene].p50.toFixed(1)} / ${scenes[scene].p99.toFixed(1)}`
  const rss = scenes.S4 ?? scenes.S1
  return [
    ...[rates('S1'), rates('S2'), share('S3'), share('S3c'), latency('S1'), latency('S2')],
    rss === undefined ? '–' : String(Math.round(rss.rss / 2 ** 20)),
    bytes === undefined ? '–' : String(bytes),
    ...['S1', 'S2', 'S3', 'S3c'].map((scene) => commandCell(commands?.[scene])),
  ]
}

function commandCell(told) {
  if (told === undefined || told === null) return ''
  const names = Object.entries(told.names).map(([name, each]) => (each === 1 ? name : `${name} × ${each}`))
  return names.length === 0 ? '0' : `${told.each} (${names.join(', ')})`
}

function wrongCells({ correctness: told }) {
  if (told === undefined) return Array.from({ length: 7 }, () => '–')
  const pair = ({ jar, old }) => `${jar} / ${old}`
  const { redirects, trials } = told.of
  return [
    ...[told.lost.lost, told.lostSlowly.lost, refusedOf(told)].map(String),
    ...[pair(told.revivedByWrite), pair(told.revivedByRead), `${told.stale} of ${redirects}`],
    told.staleSlowly === null ? '–' : `${told.staleSlowly} of ${trials * 5}`,
  ]
}

function startupSection({ imports, installed, heap, sizes }) {
  const their = 'express-session'
  const kilobytes = (bytes) => `${Math.round(bytes / 1000)} kB`
  return `## Before the first request, and at rest

${table(
  ['', 'hipflask', their],
  [
    [
      'importing it (hipflask with its Express adapter and a store), in a fresh process',
      ...[imports.hipflask, imports[their]].map((time) => `${time.toFixed(1)} ms`),
    ],
    [
      'installed',
      ...[installed.hipflask, installed[their]].map(
        ({ bytes, packages }) =>
          `${kilobytes(bytes)} in ${packages} ${packages === 1 ? 'package' : 'packages'}`,
      ),
    ],
    [
      'heap of an idle session of 300 bytes in the memory store',
      ...[heap.hipflask, heap[their]].map((bytes) => `${Math.round(bytes)} bytes`),
    ],
    ...sizes.map(({ name, size }) => [`${name}, compressed`, `${(size / 1000).toFixed(1)} kB`, '']),
  ],
)}`
}

/** What the README shows: Express, reading and writing, and what was lost. */
function readmeOf({ results }, charts) {
  const kinds = ['memory', 'redis', 'sealed', 'signed']
  const lines = kinds.flatMap((kind) =>
    results.filter(
      (line) =>
        line.framework === 'express' &&
        line.kind === kind &&
        line.variant === undefined &&
        (isOurs(line) || isPeer(line)) &&
        addedBy(line, 'S1') !== null,
    ),
  )
  const chart = charts['performance-express.svg']
  if (lines.length === 0 || chart === undefined) return ''
  return `${table(
    ['CPU a session adds on Express 5, µs', 'read', 'write', 'lost of 200 overlapping writes'],
    lines.map((line) => [
      nameIn(line),
      micros(addedBy(line, 'S1')),
      micros(addedBy(line, 'S2')),
      line.correctness === undefined ? '–' : String(line.correctness.lost.lost),
    ]),
  )}

![${chart.title}](docs/images/performance-express.svg)`
}
