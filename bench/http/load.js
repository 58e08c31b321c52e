import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { pinned, usedOfServerCpu } from './cpus.js'
import { tethered } from './programs.js'

const connections = 64
/** Looked at so often, in milliseconds, while a server warms up. */
const glance = 60
/** After the load is halted, so many milliseconds until its last answers are given. */
const settling = 25
/** A server that does not count its requests is measured in one piece, of so many milliseconds. */
const whole = { ramp: 80, window: 500 }

/**
 * Loads servers in turn, in short windows, so that what disturbs the machine disturbs all of them: first each by itself,
 * until it has answered `warm.requests` or `warm.within` milliseconds are over, then `cycles` times all of them, `window`
 * milliseconds each. Answers for each server its `cycles`: `cpu` per request (microseconds), `rate` per second and `disturbed`
 * (the share of its CPU that other programs had); and once `p50` and `p99` (milliseconds, of `latency` milliseconds without a
 * halt) and `rss`. Throws when wrk met errors.
 */
export async function measureTogether(loaded, { warm, cycles, window, latency }) {
  const wrks = []
  const measured = []
  try {
    for (const { server, load } of loaded) {
      const wrk = start(server, load)
      wrks.push(wrk)
      await warmed(server, warm)
      wrk.halt()
      await pause(settling)
      measured.push({ cycles: [], ...(await latenciesOf(server, load, latency)) })
    }
    for (let cycle = 0; cycle < cycles; cycle++) {
      for (const [at, { server }] of loaded.entries())
        measured[at].cycles.push(await windowOf(server, wrks[at], window))
    }
  } catch (error) {
    await Promise.allSettled(wrks.map((wrk) => wrk.end()))
    throw error
  }
  const ends = await Promise.allSettled(wrks.map((wrk) => wrk.end()))
  const failed = ends.find(({ status }) => status === 'rejected')
  if (failed !== undefined) throw failed.reason
  return measured
}

/** Loads a server until it has answered `warm.requests` or `warm.within` milliseconds are over. */
export async function heat(server, load, warm) {
  const wrk = start(server, load)
  await warmed(server, warm)
  await wrk.end()
}

async function warmed(server, { requests, within }) {
  const { requests: cold } = await server.usage()
  for (let waited = 0; waited < within; waited += glance) {
    await pause(glance)
    if ((await server.usage()).requests - cold >= requests) break
  }
}

async function latenciesOf(server, load, milliseconds) {
  const wrk = start(server, load)
  await pause(milliseconds)
  const { rss } = await server.usage()
  const text = await wrk.end()
  return { rss, p50: latency(text, '50%'), p99: latency(text, '99%') }
}

async function windowOf(server, wrk, milliseconds) {
  const usedBefore = usedOfServerCpu()
  const before = await server.usage()
  wrk.goOn()
  await pause(milliseconds)
  wrk.halt()
  await pause(settling)
  const after = await server.usage()
  const requests = after.requests - before.requests
  const cpu = after.cpu - before.cpu
  return {
    cpu: requests < 1 ? null : cpu / requests,
    rate: (requests * 1000) / milliseconds,
    disturbed: Math.max(0, usedOfServerCpu() - usedBefore - cpu) / (after.at - before.at),
  }
}

/** What a server costs that does not count its requests: wrk's count of them stands for it. */
export async function measureAlone(server, load) {
  const wrk = start(server, load)
  await pause(whole.ramp)
  const before = await server.usage()
  await pause(whole.window)
  const after = await server.usage()
  const text = await wrk.end()
  const micros = after.at - before.at
  const rate = Number(/Requests\/sec:\s+([\d.]+)/.exec(text)[1])
  if (rate === 0) throw new Error(`${load.path}: not one request was answered`)
  return {
    cycles: [{ cpu: ((after.cpu - before.cpu) / micros) * (1e6 / rate), rate, disturbed: 0 }],
    rss: after.rss,
    p50: latency(text, '50%'),
    p99: latency(text, '99%'),
  }
}

/**
 * Starts wrk on a page. `cookies` is a file of Cookie headers that are sent in turn or at random, `header` one for all
 * requests. `end` stops it and answers what it printed; throws when it met errors.
 */
function start(server, { path: page, cookies = null, header = null, order = 'turn' }) {
  const words = ['wrk', '-t1', `-c${connections}`, '-d120s', '--latency', '--timeout', '60s']
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
    halt: () => child.kill('SIGSTOP'),
    goOn: () => child.kill('SIGCONT'),
    async end() {
      child.kill('SIGCONT')
      child.kill('SIGINT')
      // One of some thirty times the signal does not wake wrk, which then sleeps on for its whole duration.
      const again = setInterval(() => child.kill('SIGINT'), 200)
      const [code] = await ended
      clearInterval(again)
      const trouble = /Non-2xx.*|Socket errors.*|unable to connect.*/.exec(text)
      if (code !== 0 || trouble !== null)
        throw new Error(`${page}: wrk says ${trouble?.[0] ?? `exit ${code}: ${text.slice(0, 300)}`}`)
      return text
    },
  }
}

/** Milliseconds of a percentile. */
function latency(text, percentile) {
  const [, figure, unit] = new RegExp(`${percentile}\\s+([\\d.]+)(us|ms|s|m)`).exec(text)
  return Number(figure) * { us: 0.001, ms: 1, s: 1000, m: 60_000 }[unit]
}
