/*
 * `npm run bench:growth`: what happens when sessions get many (to a million), large, of many keys, and asked for over many
 * connections. Writes docs/growth.md and its plots. `-- --help` lists what can be asked for.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { startPostgres, startRedis } from './http/databases.js'
import { Progress } from './http/progress.js'
import { child } from './growth/child.js'
import { folderFor } from './growth/folders.js'
import { startMariadb } from './growth/mariadb.js'
import { writePage } from './growth/write.js'
import { connectionRuns, measureConnections } from './growth/connections.js'
import { lastFigures } from './last-figures.js'
import { machine } from './machine.js'
import { wordsOf } from './words.js'

const words = wordsOf(
  `npm run bench:growth -- OPTIONS  measures to a million sessions and writes docs/growth.md

  --quick      to 100,000 in about two minutes; leaves docs alone
  --only KIND  one kind of store; writes no page
  --report     writes the page again from the figures of the last run`,
  {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    report: { type: 'boolean' },
  },
)
const { quick, only = null } = words
const seed = Number(process.env.HIPFLASK_SEED ?? Math.floor(Math.random() * 2 ** 31))
const cache = path.join(import.meta.dirname, '../node_modules/.cache/hipflask-bench')
const kept = path.join(cache, 'growth.json')
const docs = quick ? path.join(cache, 'growth') : path.join(import.meta.dirname, '../docs')
if (words.report) {
  await writePage(lastFigures(kept, 'npm run bench:growth'), docs)
  process.exit()
}

const folder = mkdtempSync(path.join(os.tmpdir(), 'hipflask-growth-'))
// Servers that refuse to run as root go through it to folders of their own.
chmodSync(folder, 0o711)
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
// Ending by a signal is ending by `exit`; servers and children end with this process.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))

const started = performance.now()
const [load] = os.loadavg()
const sizes = quick ? [1_000, 10_000, 100_000] : [1_000, 10_000, 100_000, 1_000_000]
const kinds = ['memory', 'file', 'sqlite', 'redis', 'postgres', 'mariadb'].filter(
  (kind) => only === null || kind === only,
)
/** About how long each part takes (milliseconds); the first half of a store's is its filling. */
const total = sizes.reduce((sum, size) => sum + size, 0)
const perSession = { memory: 0.015, file: 0.19, sqlite: 0.035, redis: 0.05, postgres: 0.06, mariadb: 0.07 }
const planned = (kind) => perSession[kind] * total + 3_000
const ofPayload = quick ? 10_000 : 20_000
const ofConnections = connectionRuns * (quick ? 1_200 : 3_300)
const plan =
  kinds.reduce((sum, kind) => sum + planned(kind), 0) + (only === null ? ofPayload + ofConnections : 0)
const progress = new Progress(plan)

const makers = {
  redis: ['Redis', 'apt-get install redis-server', () => startRedis()],
  postgres: ['PostgreSQL', 'apt-get install postgresql', () => startPostgres(folder)],
  mariadb: ['MariaDB', 'apt-get install mariadb-server', () => startMariadb(folder)],
}
const versions = {}
const missing = []
const stores = []
let payload = null
let connections = null

/** Starts what a kind needs, and ends it when `work` is done; null where it is not on this machine. */
async function served(kind, work) {
  if (makers[kind] === undefined) return work({ folder })
  const [name, install, make] = makers[kind]
  const server = await make()
  if (server === null) {
    missing.push(`${name} is not on this machine: ${install}`)
    progress.say(`left out: ${missing.at(-1)}`)
    return null
  }
  versions[name] = server.version.split(/[ -]/)[0]
  try {
    return await work({ folder, [kind]: server.url })
  } finally {
    await server.stop()
    rmSync(path.join(folder, kind), { recursive: true, force: true })
  }
}

/** Where the file store's files lie, and to which size there is room for them. */
function files() {
  for (let most = sizes.length; most > 0; most--) {
    const found = folderFor(sizes.slice(0, most).reduce((sum, size) => sum + size, 0))
    if (found !== null) return { ...found, sizes: sizes.slice(0, most) }
  }
  return null
}

let fileSystem = null
for (const kind of kinds) {
  progress.stage(kind)
  const task = { kind, sizes, seed, rounds: quick ? 3 : 5, reads: 2_000 }
  const room = kind === 'file' ? files() : null
  if (kind === 'file' && (room === null || room.sizes.length < sizes.length)) {
    missing.push(`more files than ${room?.sizes.at(-1) ?? 0}: no folder has room for them`)
    if (room === null) continue
    task.sizes = room.sizes
  }
  const result = await served(kind, (place) =>
    child('grow.js', { ...task, place: { ...place, files: room?.folder } }, (done) =>
      progress.step(((done / total) * planned(kind)) / 2),
    ),
  )
  progress.step(planned(kind) / 2)
  if (result !== null) stores.push(result)
  if (room === null) continue
  fileSystem = room.what
  rmSync(room.folder, { recursive: true, force: true })
}

if (only === null) {
  const redis = await startRedis()
  const postgres = await startPostgres(folder)
  const mariadb = await startMariadb(folder)
  try {
    progress.stage('values and keys')
    const place = { folder, redis: redis?.url, postgres: postgres?.url, mariadb: mariadb?.url }
    payload = await child('payload.js', { place, seed, times: quick ? 60 : 200 }, (share) =>
      progress.step(share * ofPayload),
    )
    progress.stage('connections')
    connections = await measureConnections({ folder, place, quick }, () =>
      progress.step(ofConnections / connectionRuns),
    )
  } finally {
    await Promise.all([redis, postgres, mariadb].map((server) => server?.stop()))
  }
}
progress.end()

const minutes = (performance.now() - started) / 60_000
const figures = {
  machine: machine(),
  quick,
  seed,
  minutes,
  sizes,
  versions,
  fileSystem,
  load,
  missing,
  stores,
  payload,
  connections,
}
if (only === null) {
  mkdirSync(cache, { recursive: true })
  if (!quick) writeFileSync(kept, JSON.stringify(figures))
  await writePage(figures, docs)
  console.log(`written: ${path.join(docs, 'growth.md')}`)
} else console.log(JSON.stringify(stores, null, 1))
