import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { median } from '../machine.js'
import { entered } from './browser.js'
import { check } from './check.js'
import { commandsOf } from './commands.js'
import { correctnessOf } from './correctness.js'
import { startExternal } from './external.js'
import { heat, measureAlone, measureTogether } from './load.js'
import { startPlace } from './server.js'

/** The loads, by their names. */
const scenes = {
  S1: ({ headers }) => ({ path: '/read', header: headers[0] }),
  S2: ({ few }) => ({ path: '/write', cookies: few }),
  S3: () => ({ path: '/plain' }),
  S3c: ({ headers }) => ({ path: '/plain', header: headers[0] }),
  S4: ({ many }) => ({ path: '/read', cookies: many, order: 'random' }),
}
/** Express, six times as dear as the others by itself, varies as much more: it is loaded in so many times as many windows. */
const windowsOf = ({ framework }, { cycles }) => (framework === 'express' ? 2 : 1) * cycles

const isExternal = ({ framework }) => framework === 'flask' || framework === 'go'

/** What a framework's lines will take, in milliseconds of load; the rest is little beside it. */
export function unitsOf(lines, plan) {
  const scene = perScene(lines[0], plan) * (1 + 1 / plan.between)
  return lines.length * (Object.keys(scenes).length * plan.rounds * scene + 2000 + plan.start.within)
}

/** About what one line takes in one scene of one round. */
function perScene(line, plan) {
  const { window, latency, warm } = plan
  return windowsOf(line, plan) * (window + 40) + latency + 0.7 * warm.within + 200
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
        // The code for the first load would else be compiled while it is measured.
        const first = line === bare ? ['S3'] : ['S1', 'S2']
        if (!isExternal(line))
          for (const scene of first) await heat(server, scenes[scene](server.load), plan.start)
      } catch (error) {
        fail(line, 'start', error)
      }
      progress.step(2000 / 2 + plan.start.within)
    }
    if (results.get(bare).failure !== undefined)
      throw new Error(`without a session, ${results.get(bare).failure}`)
    const alive = () => others.filter((line) => results.get(line).failure === undefined)

    const taken = new Map(lines.map((line) => [line, { S0: [], S1: [], S2: [], S3: [], S3c: [], S4: [] }]))
    for (let round = 0; round < plan.rounds; round++) {
      for (const scene of Object.keys(scenes)) {
        const asked = alive().filter((line) => line.only?.includes(scene) ?? true)
        const order = round % 2 === 0 ? asked : asked.toReversed()
        for (let at = 0; at < order.length; at += plan.between) {
          const together = order.slice(at, at + plan.between)
          try {
            await take(together, scene)
          } catch {
            // With whom it went wrong shows when each is alone with the server without a session.
            for (const line of together) await take([line], scene).catch((error) => fail(line, scene, error))
          }
          progress.step(together.length * perScene(bare, plan) * (1 + 1 / plan.between))
        }
      }
    }
    async function take(together, scene) {
      for (const line of together) await check(running.get(line), line)
      const loaded = [bare, ...together].map((line) => {
        const server = running.get(line)
        return { server, load: line === bare ? { path: '/plain' } : scenes[scene](server.load) }
      })
      const measured = isExternal(bare)
        ? await inTurn(loaded)
        : await measureTogether(loaded, { ...plan, cycles: windowsOf(bare, plan) })
      const [first, ...rest] = measured
      for (const cycle of beside(first, first))
        taken.get(bare).S0.push(Object.assign(cycle, { added: 0, ratio: 1 }))
      for (const [at, line] of together.entries()) taken.get(line)[scene].push(...beside(rest[at], first))
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

async function inTurn(loaded) {
  const measured = []
  for (const { server, load } of loaded) measured.push(await measureAlone(server, load))
  return measured
}

/** The figures of a line in each cycle, with what it costs more than the server without a session just before and after. */
function beside({ cycles, ...once }, bare) {
  return cycles.flatMap((cycle, at) => {
    const around = [bare.cycles[at], bare.cycles[at + 1] ?? bare.cycles[at]]
    const mean = (figure) => (around[0][figure] + around[1][figure]) / 2
    if (cycle.cpu === null) return []
    return [{ ...cycle, ...once, added: cycle.cpu - mean('cpu'), ratio: cycle.rate / mean('rate') }]
  })
}

/** By how much two neighbouring windows of the same server differ: the median, in microseconds of CPU per request. */
function noiseOf(cycles) {
  return median(cycles.slice(1).map(({ cpu }, at) => Math.abs(cpu - cycles[at].cpu)))
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
