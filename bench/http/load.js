import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { pinned, usedOfServerCpu } from './cpus.js'
import { tethered } from './programs.js'

const connections = 64
/** Looked at so often, in milliseconds, while a server warms up. */
const glance = 60
/**
 * A slow server gets a longer window, since its garbage is collected in as many lumps by fewer requests: until it has answered
 * `many`, for at most so many times the window; and if that were not even a `few`, until they are or for five seconds.
 */
const enough = { many: 10_000, times: 3, few: 100, within: 5_000 }

/**
 * Loads a server through one window of so many milliseconds and answers what it cost: CPU per request (microseconds),
 * requests per second, latencies; `disturbed` is the share of its CPU that other programs had. Before the window opens the
 * server answers `warm.requests` under the same load (for at most `warm.within` milliseconds): one that has waited for its
 * turn has small heaps and code that is not compiled, which is not what a server at work costs. Throws when wrk met errors.
 */
export async function measure(server, load, window, warm) {
  const wrk = start(server, load)
  const { requests: cold } = await server.usage()
  for (let waited = 0; waited < warm.within; waited += glance) {
    await pause(glance)
    if (
      cold === undefined ? waited >= warm.within / 4 : (await server.usage()).requests - cold >= warm.requests
    )
      break
  }
  const usedBefore = usedOfServerCpu()
  const before = await server.usage()
  await pause(window)
  let after = await server.usage()
  for (
    let waited = window;
    waited < (few(before, after) ? enough.within : enough.times * window);
    waited += 80
  ) {
    if (!(after.requests - before.requests < enough.many)) break
    await pause(80)
    after = await server.usage()
  }
  const used = usedOfServerCpu() - usedBefore
  const text = await wrk.end()
  const micros = after.at - before.at
  const counted = after.requests - before.requests
  // A server in another language does not count; wrk's rate holds for its whole run, which is about the window.
  const rate = Number(/Requests\/sec:\s+([\d.]+)/.exec(text)[1])
  const requests = Number.isNaN(counted) ? (rate * micros) / 1e6 : counted
  if (requests < 1) throw new Error(`${load.path}: not one request was answered`)
  return {
    cpu: (after.cpu - before.cpu) / requests,
    rate: requests / (micros / 1e6),
    disturbed: Math.max(0, used - (after.cpu - before.cpu)) / micros,
    p50: latency(text, '50%'),
    p99: latency(text, '99%'),
    rss: after.rss,
  }
}

/**
 * Starts wrk on a page. `cookies` is a file of Cookie headers that are sent in turn or at random, `header` one for all
 * requests. `end` stops it and answers what it printed; throws when it met errors.
 */
function start(server, { path: page, cookies = null, header = null, order = 'turn' }) {
  const words = ['wrk', '-t1', `-c${connections}`, '-d60s', '--latency', '--timeout', '10s']
  if (header !== null) words.push('-H', `Cookie: ${header}`)
  if (cookies !== null) words.push('-s', path.join(import.meta.dirname, 'sessions.lua'))
  words.push(`http://127.0.0.1:${server.port}${page}`)
  if (cookies !== null) words.push('--', cookies, order)
  const [program, ...rest] = tethered(pinned('others', ...words))
  const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  child.stdout.on('data', (data) => (text += data))
  child.stderr.on('data', (data) => (text += data))
  const ended = once(child, 'close')
  return {
    async end() {
      child.kill('SIGINT')
      const [code] = await ended
      const trouble = /Non-2xx.*|Socket errors.*|unable to connect.*/.exec(text)
      if (code !== 0 || trouble !== null)
        throw new Error(`${page}: wrk says ${trouble?.[0] ?? `exit ${code}: ${text.slice(0, 300)}`}`)
      return text
    },
  }
}

const few = (before, after) => after.requests - before.requests < enough.few

/** Milliseconds of a percentile. */
function latency(text, percentile) {
  const [, figure, unit] = new RegExp(`${percentile}\\s+([\\d.]+)(us|ms|s|m)`).exec(text)
  return Number(figure) * { us: 0.001, ms: 1, s: 1000, m: 60_000 }[unit]
}
