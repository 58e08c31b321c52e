import {
  addedBy,
  bestPeerOf,
  floorOf,
  isCookie,
  isOurs,
  kindName,
  micros,
  nameOf,
  times,
  wrongsOf,
} from './figures.js'
import { bounds } from './bounds.js'
import { frameworks } from './places.js'

/** The places for which a distance to the floor is a target. */
const aimed = new Set(['memory', 'redis', 'ioredis', 'sealed', 'flask'])
const floorLimits = { S1: 1.25, S4: 1.25, S2: 1.4 }
const commandLimits = { S1: 1, S2: 2, S3: 0, S3c: 0 }
const limits = { heap: 700, frontDoor: 6000, whole: 15_000, rate: 0.98 }

/**
 * What was aimed at, and what came of it: `{ target, met, of, worst, bound }`, where `met` of `of` cases meet it, `worst` says
 * which case is the furthest off and by how much, and `bound` what keeps it there. Pure.
 */
export function targetsOf({ results, startup }) {
  const ours = results.filter((line) => isOurs(line) && line.failure === undefined)
  return [
    ...floorTargets(results, ours),
    ...['S3', 'S3c'].map((scene) => rateTarget(ours, scene)),
    commandTarget(ours),
    ...correctnessTargets(ours),
    ...startupTargets(startup),
  ].filter((row) => row.of > 0)
}

function row(target, cases, bound = '') {
  const ranked = cases.toSorted((a, b) => b.off - a.off)
  return {
    target,
    bound,
    met: cases.filter(({ met }) => met).length,
    of: cases.length,
    worst:
      ranked[0] === undefined || (cases.length > 1 && ranked[0].met && ranked[0].off === 0)
        ? ''
        : ranked[0].text,
  }
}

function floorTargets(results, ours) {
  const kept = ours.filter(({ kind, variant }) => aimed.has(kind) && variant === undefined)
  const rows = []
  for (const scenes of [['S1', 'S4'], ['S2']]) {
    const limit = floorLimits[scenes[0]]
    const cells = kept.flatMap((line) => scenes.map((scene) => cellOf(results, line, scene)))
    rows.push(
      row(
        `${scenes.join(', ')}: CPU added ≤ ${limit} × the floor`,
        cells.filter(({ ratio }) => ratio !== null).map(floorCase),
        bounds.floor,
      ),
      row(
        `${scenes.join(', ')}: CPU added below the best peer’s`,
        cells.filter(({ peer }) => peer !== null).map(peerCase),
        bounds.peer,
      ),
    )
  }
  return rows
}

/** A line in a scene beside its floor and its best peer; `ratio` is null where there is no floor above zero. */
export function cellOf(results, line, scene) {
  const added = addedBy(line, scene)
  const floor = addedBy(floorOf(results, line), scene)
  const peer = bestPeerOf(results, line, scene)
  const ratio = added === null || floor === null || floor <= 0 ? null : added / floor
  return { line, scene, added, floor, peer, ratio, limit: floorLimits[scene] }
}

function floorCase({ line, scene, added, floor, ratio, limit }) {
  const text = `${nameOf(line)}, ${scene}: ${micros(added)} µs, floor ${micros(floor)} (${times(ratio)})`
  return { met: ratio <= limit, off: ratio / limit, text }
}

function peerCase({ line, scene, added, peer }) {
  const theirs = addedBy(peer, scene)
  const text = `${nameOf(line)}, ${scene}: ${micros(added)} µs, ${peer.label} ${micros(theirs)}`
  return { met: added < theirs, off: added - theirs, text }
}

function rateTarget(ours, scene) {
  const cases = ours
    .filter((line) => line.scenes[scene] !== undefined)
    .map((line) => {
      const { ratio } = line.scenes[scene]
      return { met: ratio >= limits.rate, off: -ratio, text: `${nameOf(line)}: ${ratio.toFixed(2)}` }
    })
  return row(
    `${scene}: at least ${limits.rate} of the requests per second without a session`,
    cases,
    bounds.rate,
  )
}

function commandTarget(ours) {
  const cases = ours
    .filter(({ commands }) => commands)
    .flatMap((line) =>
      Object.entries(commandLimits).map(([scene, limit]) => {
        const { each } = line.commands[scene]
        return { met: each <= limit, off: each - limit, text: `${nameOf(line)}, ${scene}: ${each}` }
      }),
    )
  return row('store commands: read 1, write 2, anonymous 0, not used 0', cases, bounds.commands)
}

function correctnessTargets(ours) {
  const safe = ours.filter((line) => !isCookie(line) && line.correctness !== undefined)
  return ['lost', 'refused', 'revived', 'stale'].map((wrong) =>
    row(
      `S5, stores with compare-and-swap: 0 ${wrong}`,
      safe.map((line) => {
        const count = wrongsOf(line)[wrong]
        return { met: count === 0, off: count, text: `${nameOf(line)}: ${count}` }
      }),
    ),
  )
}

function startupTargets(startup) {
  if (startup === null) return []
  const { heap, sizes, imports } = startup
  const atMost = (target, value, limit, unit, bound) =>
    row(target, [{ met: value <= limit, off: value, text: `${Math.round(value)} ${unit}` }], bound)
  const bytes = (at) => sizes[at]?.size ?? Number.POSITIVE_INFINITY
  return [
    atMost(
      `heap of an idle session of 300 bytes ≤ ${limits.heap} bytes`,
      heap.hipflask,
      limits.heap,
      'bytes',
    ),
    atMost('front door, compressed ≤ 6 kB', bytes(0), limits.frontDoor, 'bytes', bounds.frontDoor),
    atMost('with an adapter and a store, compressed ≤ 15 kB', bytes(1), limits.whole, 'bytes', bounds.whole),
    row('import time below express-session’s', [
      {
        met: imports.hipflask < imports['express-session'],
        off: 0,
        text: `${imports.hipflask.toFixed(1)} ms, express-session ${imports['express-session'].toFixed(1)} ms`,
      },
    ]),
  ]
}

/** Each line that has a floor or a peer, with its distances: the rows of the long table. */
export function distancesOf({ results }) {
  return results
    .filter((line) => isOurs(line) && line.failure === undefined && line.variant === undefined)
    .map((line) => ({
      name: `${frameworks[line.framework]}, ${kindName(line.kind)}`,
      cells: ['S1', 'S4', 'S2'].map((scene) => cellOf(results, line, scene)),
    }))
    .filter(({ cells }) => cells.some(({ ratio, peer }) => ratio !== null || peer !== null))
}
