import { execFile } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { ask, closeBrowsers, entered } from '../http/browser.js'
import { pinned } from '../http/cpus.js'
import { locate } from '../http/programs.js'
import { startPlace } from '../http/server.js'
import { fullPage, emptyPage, plainPage, values } from '../http/values.js'
import { secret } from '../http/world.js'
import { median } from '../machine.js'

const kinds = ['memory', 'file', 'sqlite', 'redis', 'postgres']
const counts = [1, 8, 64, 256, 512]
const pages = ['/read', '/write']
const visitors = 1_000

/** How many loads there are. */
export const connectionRuns = kinds.length * counts.length * pages.length

/**
 * Requests per second and latencies (milliseconds) of a page that reads a session and one that changes it, over node:http
 * and so many connections at once; null without wrk. `told` hears of each load.
 */
export async function measureConnections({ folder, place, quick }, told) {
  if (locate('wrk') === null || locate('taskset') === null) return null
  const environment = {
    BENCH_FOLDER: path.join(folder, 'servers'),
    BENCH_REDIS: place.redis ?? '',
    BENCH_POSTGRES: place.postgres ?? '',
    BENCH_SECRET: secret,
    BENCH_VALUES: JSON.stringify(values),
    BENCH_PAGES: JSON.stringify({ plain: plainPage, empty: emptyPage, full: fullPage }),
  }
  mkdirSync(environment.BENCH_FOLDER, { recursive: true })
  const results = []
  for (const kind of kinds) {
    if (kind in place && !place[kind]) continue
    const server = await startPlace({ framework: 'node', library: 'hipflask', kind }, environment)
    try {
      const cookies = path.join(folder, `cookies-${kind}.txt`)
      writeFileSync(cookies, (await entered(server.port, visitors)).join('\n'))
      const rows = counts.map((count) => ({ count }))
      for (const page of pages) {
        for (const row of rows) {
          // What the last load has left in the queue does not count here.
          await ask(server.port, '/plain')
          row[page] = await load(`http://127.0.0.1:${server.port}${page}`, row.count, cookies, quick ? 1 : 3)
          told()
        }
      }
      results.push({ kind, rows })
    } finally {
      await server.stop()
      closeBrowsers()
    }
  }
  return results
}

/** Medians of so many loads of a second; null when nothing was answered in most of them, as on a machine busy with other work. */
async function load(url, count, cookies, times) {
  const script = path.join(import.meta.dirname, '../http/sessions.lua')
  const words = ['wrk', '-t1', `-c${count}`, '-d1s', '--latency', '--timeout', '20s']
  const [program, ...rest] = pinned('others', ...words, '-s', script, url, '--', cookies, 'random')
  const taken = []
  for (let time = 0; time < times; time++) {
    const { stdout } = await promisify(execFile)(program, rest, { timeout: 60_000 })
    const trouble = /Non-2xx.*|Socket errors.*/.exec(stdout)
    if (trouble !== null) throw new Error(`${url} with ${count} connections: ${trouble[0]}`)
    if (Number(/(\d+) requests in/.exec(stdout)[1]) < count) continue
    taken.push({
      rate: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)[1]),
      p99: milliseconds(stdout, '99%'),
    })
  }
  if (taken.length * 2 < times) return null
  return { rate: median(taken.map(({ rate }) => rate)), p99: median(taken.map(({ p99 }) => p99)) }
}

function milliseconds(text, percentile) {
  const [, figure, unit] = new RegExp(`${percentile}\\s+([\\d.]+)(us|ms|s|m)`).exec(text)
  return Number(figure) * { us: 0.001, ms: 1, s: 1000, m: 60_000 }[unit]
}
