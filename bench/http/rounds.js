import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { median } from '../machine.js'
import { entered } from './browser.js'
import { check } from './check.js'
import { commandsOf } from './commands.js'
import { correctnessOf } from './correctness.js'
import { startExternal } from './external.js'
import { measure } from './load.js'
import { startPlace } from './server.js'

/** The loads, by their names. */
const scenes = {
  S1: ({ headers }) => ({ path: '/read', header: headers[0] }),
  S2: ({ few }) => ({ path: '/write', cookies: few }),
  S3: () => ({ path: '/plain' }),
  S3c: ({ headers }) => ({ path: '/plain', header: headers[0] }),
  S4: ({ many }) => ({ path: '/read', cookies: many, order: 'random' }),
}
/** What a window takes beside itself: starting wrk, and warming the server up (half of what it may take, for most are fast). */
const besides = ({ warm }) => 100 + warm.within / 2

const isExternal = ({ framework }) => framework === 'flask' || framework === 'go'

/** What a framework's lines will take, in milliseconds of load; the rest is little beside it. */
export function unitsOf(lines, plan) {
  return (
    lines.length *
    (Object.keys(scenes).length * plan.rounds * (1 + 1 / plan.between) * (plan.window + besides(plan)) + 2000)
  )
}

/**
 * Measures the lines of one framework: every server is started and checked, then rounds of all of them are interleaved with
 * the server without a session. Answers a result for each line; a line that fails has `failure` with the reason.
 */
export async function measureFramework(lines, around) {
  const results = new Map(lines.map((line) => [line, { ...line, scenes: {} }]))
  try {
    await measureAll(lines, results, around)
  } catch (error) {
    around.progress.say(`${lines[0].framework}: ${error.message}`)
    for (const result of results.values()) result.failure ??= error.message
  }
  return [...results.values()]
}

async function measureAll(lines, results, { plan, environment, tools, folder, progress }) {
  const [bare, ...others] = lines
  const running = new Map()
  const fail = (line, during, error) => {
    const server = running.get(line)
    const said = server?.output() ?? ''
    results.get(line).failure =
      `${during}: ${error.message}${said === '' ? '' : ` (it printed: ${said.slice(-300)})`}`
    progress.say(`${line.framework}, ${line.label}: ${results.get(line).failure}`)
  }
  try {
    for (const line of lines) {
      try {
        const start = isExternal(line) ? startExternal : startPlace
        const server = await start(line, environment, tools)
        running.set(line, server)
        results.get(line).startRss = (await server.usage()).rss
        await check(server, line)
        server.load = await prepared(server, line, plan, folder)
      } catch (error) {
        fail(line, 'start', error)
      }
      progress.step(2000 / 2)
    }
    if (results.get(bare).failure !== undefined)
      throw new Error(`without a session, ${results.get(bare).failure}`)
    const alive = () => others.filter((line) => results.get(line).failure === undefined)

    const taken = new Map(lines.map((line) => [line, { S0: [], S1: [], S2: [], S3: [], S3c: [], S4: [] }]))
    for (let round = 0; round < plan.rounds; round++) {
      for (const scene of Object.keys(scenes)) {
        const asked = alive().filter((line) => line.only?.includes(scene) ?? true)
        const order = round % 2 === 0 ? asked : asked.toReversed()
        let before = await without()
        for (let at = 0; at < order.length; at += plan.between) {
          const together = order.slice(at, at + plan.between)
          const measured = []
          for (const line of together) {
            try {
              await check(running.get(line), line)
              const server = running.get(line)
              const load = scenes[scene](server.load)
              measured.push([line, await measure(server, load, windowOf(line), plan.warm)])
            } catch (error) {
              fail(line, scene, error)
            }
            progress.step(plan.window + besides(plan))
          }
          const after = await without()
          for (const [line, figures] of measured) {
            taken.get(line)[scene].push({
              ...figures,
              added: figures.cpu - (before.cpu + after.cpu) / 2,
              ratio: figures.rate / ((before.rate + after.rate) / 2),
            })
          }
          before = after
        }
      }
    }
    async function without() {
      const figures = await measure(running.get(bare), { path: '/plain' }, windowOf(bare), plan.warm)
      taken.get(bare).S0.push({ ...figures, added: 0, ratio: 1 })
      progress.step((plan.window + besides(plan)) / plan.between)
      return figures
    }
    function windowOf(line) {
      return isExternal(line) ? Math.max(plan.window, 500) : plan.window
    }
    for (const line of lines) results.get(line).scenes = mediansOf(taken.get(line))
    results.get(bare).noise = noiseOf(taken.get(bare).S0)

    for (const line of alive()) {
      const server = running.get(line)
      try {
        Object.assign(results.get(line), await commandsOf(server, line, environment.BENCH_REDIS))
        results.get(line).correctness = await correctnessOf(server, line, plan.redirects)
      } catch (error) {
        fail(line, 'S5', error)
      }
      progress.step(2000 / 2)
    }
  } finally {
    await Promise.all([...running.values()].map((server) => server.stop()))
  }
}

/** The Cookie headers that a server's loads send: all, and files of 64 and of all. */
async function prepared(server, line, plan, folder) {
  if (line.library === 'none') return {}
  const headers = await entered(server.port, plan.sessions)
  const file = (name, some) => {
    const at = path.join(folder, `${server.port}-${name}.txt`)
    writeFileSync(at, `${some.join('\n')}\n`)
    return at
  }
  return { headers, few: file('few', headers.slice(0, 64)), many: file('many', headers) }
}

/** By how much two neighbouring measurements of the same server differ: the median, in microseconds of CPU per request. */
function noiseOf(rounds) {
  return median(rounds.slice(1).map(({ cpu }, at) => Math.abs(cpu - rounds[at].cpu)))
}

/** The median of each figure over the rounds, scene by scene. */
function mediansOf(taken) {
  const kept = {}
  for (const [scene, rounds] of Object.entries(taken)) {
    if (rounds.length === 0) continue
    kept[scene] = Object.fromEntries(
      Object.keys(rounds[0]).map((figure) => [figure, median(rounds.map((round) => round[figure]))]),
    )
  }
  return kept
}
