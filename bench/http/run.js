/*
 * `npm run bench:http`: real servers side by side: without sessions, with hipflask's, with other libraries', and with lower
 * bounds written by hand. `-- --help` lists what can be asked for.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { closeBrowsers } from './browser.js'
import { stepAside } from './cpus.js'
import { frameworks, places } from './places.js'
import { locate } from './programs.js'
import { Progress } from './progress.js'
import { circumstances } from './circumstances.js'
import { measureFramework, unitsOf } from './rounds.js'
import { startupCosts } from './startup.js'
import { makeTools } from './tools.js'
import { emptyPage, plainPage, values } from './values.js'
import { secret } from './world.js'
import { writePage } from './write.js'
import { lastFigures } from '../last-figures.js'
import { wordsOf } from '../words.js'

const words = wordsOf(
  `npm run bench:http -- OPTIONS  measures real servers side by side and writes docs/performance.md

  --quick      a rough run in 4 minutes
  --short      the lines of the quick run, measured as well as the whole run does
  --rounds N   how often each line is measured, in ten windows of 150 ms or more (1)
  --only TEXT  only the lines that have the text; writes no page
  --report     writes the page again from the figures of the last run`,
  {
    quick: { type: 'boolean', default: false },
    short: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    report: { type: 'boolean' },
  },
)
const { quick, short, only } = words
const rounds = Number(words.rounds)
const plan = quick
  ? {
      ...{ rounds: 1, cycles: 2, window: 80, latency: 60, between: 6 },
      ...cold(1000, 150, 400),
      sessions: 250,
      redirects: 10,
    }
  : {
      ...{ rounds, short, cycles: 10, window: 150, latency: 250, between: 5 },
      ...cold(3000, 500, 3000),
      sessions: 1000,
      redirects: 50,
    }
const kept = path.join(import.meta.dirname, '../../node_modules/.cache/hipflask-bench/http.json')

if (words.report) {
  writePage(lastFigures(kept, 'npm run bench:http'))
  process.exit()
}
for (const [program, debian] of Object.entries({ wrk: 'wrk', taskset: 'util-linux' })) {
  if (locate(program) !== null) continue
  console.error(
    `${program} is not on this machine, and nothing can be measured without it: apt-get install ${debian}`,
  )
  process.exit(1)
}
stepAside()

const folder = mkdtempSync(path.join(os.tmpdir(), 'hipflask-bench-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
// Ending by a signal is ending by `exit`; servers and databases end with this process.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))

const lines = places.filter(
  (line) =>
    (!(quick || short) || line.quick) &&
    (line.library === 'none' || `${line.framework}/${line.label}`.includes(only)),
)
const needed = new Set(lines.map(({ needs }) => needs).filter((name) => name !== undefined))
if (needed.has('python')) needed.add('redis')
const { tools, missing } = await makeTools(needed)
for (const line of missing) console.log(line)
const environment = {
  BENCH_FOLDER: path.join(folder, 'servers'),
  BENCH_REDIS: tools.redis?.url ?? '',
  BENCH_POSTGRES: tools.postgres?.url ?? '',
  BENCH_SECRET: secret,
  BENCH_VALUES: JSON.stringify(values),
  BENCH_PAGES: JSON.stringify({ plain: plainPage, empty: emptyPage }),
}
mkdirSync(environment.BENCH_FOLDER)

const groups = Object.keys(frameworks)
  .map((framework) =>
    lines.filter((line) => line.framework === framework && (line.needs === undefined || tools[line.needs])),
  )
  .filter((group) => group.length > 1)
if (groups.length === 0) console.log(`no line to measure has "${only}" in its name`)
const progress = new Progress(groups.reduce((sum, group) => sum + unitsOf(group, plan), 0))
const results = []
try {
  for (const group of groups) {
    progress.stage(frameworks[group[0].framework])
    results.push(...(await measureFramework(group, { plan, environment, tools, folder, progress })))
  }
  progress.stage('start-up')
  const startup = only === '' ? await startupCosts(quick) : null
  progress.end()
  const whole = { plan: { ...plan, quick }, ...circumstances(tools), missing, results, startup }
  if (only === '') {
    mkdirSync(path.dirname(kept), { recursive: true })
    writeFileSync(kept, JSON.stringify(whole))
    writePage(whole)
  } else console.table(results.map(brief))
} finally {
  closeBrowsers()
  await Promise.all([tools.redis?.stop(), tools.postgres?.stop()])
}

/** How long a server warms up before each load: so many requests, or milliseconds; and before the first one. */
function cold(requests, within, first) {
  return { warm: { requests, within }, start: { requests: 4 * requests, within: first } }
}

function brief({ framework, label, scenes, failure }) {
  const added = Object.entries(scenes).map(([name, { added, cpu }]) => [
    name,
    (name === 'S0' ? cpu : added).toFixed(1),
  ])
  return { line: `${framework} ${label}`, ...Object.fromEntries(added), ...(failure && { failure }) }
}
