import { alike, frameworks, names } from './places.js'

/*
 * Questions to a finished run. `results` are lines of the table in places.js with what was measured: `scenes` (medians by
 * scene), `commands`, `bytes` of the Cookie header, `correctness`, or `failure`. Pure.
 */

export const isOurs = ({ library }) => library === 'hipflask'
export const isFloor = ({ library }) => library === 'floor'
export const isPeer = (line) => line.library !== 'none' && !isOurs(line) && !isFloor(line)
export const isCookie = ({ kind }) => ['sealed', 'flask', 'signed'].includes(kind)

/** A line's name with its framework. */
export const nameOf = ({ framework, label }) => `${frameworks[framework]}, ${label}`

/** CPU time a line adds in a scene, in microseconds; null when it was not measured. */
export const addedBy = (line, scene) => line?.scenes?.[scene]?.added ?? null

/** The floor of a line: the same framework, the same place, the same client. */
export function floorOf(results, { framework, kind }) {
  return results.find((line) => isFloor(line) && line.framework === framework && line.kind === kind) ?? null
}

/** The other libraries of a line's framework that keep sessions where it keeps them. */
export function peersOf(results, { framework, kind }) {
  return results.filter((line) => isPeer(line) && line.framework === framework && alike(line.kind, kind))
}

/** The one of them that adds the least CPU in a scene, or null. */
export function bestPeerOf(results, line, scene) {
  let best = null
  for (const peer of peersOf(results, line)) {
    if (addedBy(peer, scene) === null) continue
    if (best === null || addedBy(peer, scene) < addedBy(best, scene)) best = peer
  }
  return best
}

/** Whether overlapping writes, logouts and redirects left a line's sessions right. */
export function wrongsOf({ correctness: told }) {
  if (told === undefined) return null
  return {
    lost: told.lost.lost + told.lostSlowly.lost,
    refused: refusedOf(told),
    revived:
      told.revivedByWrite.jar + told.revivedByWrite.old + told.revivedByRead.jar + told.revivedByRead.old,
    stale: told.stale + (told.staleSlowly ?? 0),
  }
}

/** Requests that got an error; those whose connection was cut are among them, wherever that was. */
export function refusedOf({ lost, lostSlowly, cut }) {
  return Math.max(lost.refused + lostSlowly.refused, cut)
}

/** Microseconds as the page writes them. */
export function micros(value) {
  if (value === null || value === undefined) return '–'
  return Math.abs(value) < 10 ? value.toFixed(1) : String(Math.round(value))
}

export const times = (value) => (value === null ? '–' : `${value.toFixed(2)} ×`)
export const kindName = (kind) => names[kind]
