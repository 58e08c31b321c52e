import { addedBy, isCookie, isOurs, kindName, micros, nameOf, peersOf, wrongsOf } from './figures.js'
import { frameworks } from './places.js'

const scenes = {
  S1: 'reading',
  S2: 'writing',
  S3: 'an anonymous visitor',
  S3c: 'a session that is not used',
  S4: 'reading at random',
}

/**
 * Where another library of the same framework and kind of store does better than hipflask, the furthest behind first:
 * `{ line, what, ours, theirs, clear }`, all of them, computed from the figures. `clear` is false where the difference is
 * no larger than the one between two measurements of the same server. Pure.
 */
export function costlier({ results }) {
  const found = []
  for (const line of results.filter(measured)) {
    for (const [scene, what] of Object.entries(scenes)) {
      const added = addedBy(line, scene)
      if (added === null) continue
      const better = peersOf(results, line).filter(
        (peer) => addedBy(peer, scene) !== null && addedBy(peer, scene) < added,
      )
      if (better.length === 0) continue
      const ranked = better.toSorted((a, b) => addedBy(a, scene) - addedBy(b, scene))
      const behind = added - addedBy(ranked[0], scene)
      found.push({
        name: nameOf(line),
        what: `${what} (${scene})`,
        ours: micros(added),
        theirs: ranked
          .map((peer) => `${peer.label} ${micros(addedBy(peer, scene))}${remark(peer)}`)
          .join('; '),
        behind,
        clear:
          behind >
          (results.find(({ framework, library }) => framework === line.framework && library === 'none')
            ?.noise ?? 0),
      })
    }
  }
  return found.toSorted((a, b) => b.behind - a.behind)
}

const measured = (line) => isOurs(line) && line.failure === undefined

/** What a cheaper library does not keep. */
function remark(peer) {
  const told = wrongsOf(peer)
  if (told === null || told.lost + told.revived === 0) return ''
  const { writes, trials } = peer.correctness.of
  return ` (loses ${told.lost} of ${2 * writes} writes, revives ${told.revived} of ${4 * trials} logouts)`
}

/** Everything else in which hipflask does worse, or wrong, as sentences. Pure. */
export function otherLosses({ results, startup }) {
  const ours = results.filter(measured)
  return [
    ...largerCookies(results, ours),
    ...wrongCookies(ours.filter(isCookie)),
    ...ours.filter((line) => !isCookie(line)).flatMap(wrongStores),
    ...(startup === null ? [] : atRest(startup)),
  ]
}

function largerCookies(results, ours) {
  return ours.flatMap((line) => {
    const better = peersOf(results, line).filter(({ bytes }) => bytes < line.bytes)
    const said = better.map(({ label, bytes }) => `${label} ${bytes}`)
    return said.length === 0
      ? []
      : [`${nameOf(line)}, the Cookie header: ${line.bytes} bytes; ${said.join('; ')}.`]
  })
}

/** Sessions that live in cookies: the same on all frameworks, so told once for each kind. */
function wrongCookies(lines) {
  return [...new Set(lines.map(({ kind }) => kind))].flatMap((kind) => {
    const told = lines.filter((line) => line.kind === kind && line.correctness !== undefined)
    if (told.length === 0) return []
    const { writes, trials } = told[0].correctness.of
    const most = (what) => Math.max(...told.map((line) => wrongsOf(line)[what]))
    const where = told.map(({ framework }) => frameworks[framework]).join(', ')
    return [
      `Sessions that live in the cookie (${kindName(kind)}) can be neither merged nor revoked: up to ${most('lost')} of ${2 * writes} overlapping writes lost, ${most('revived')} of ${4 * trials} logouts undone (${where}).`,
    ]
  })
}

function wrongStores(line) {
  const told = wrongsOf(line)
  if (told === null) return []
  const parts = Object.entries(told).flatMap(([what, count]) => (count === 0 ? [] : [`${count} ${what}`]))
  return parts.length === 0 ? [] : [`${nameOf(line)}, overlapping requests (S5): ${parts.join(', ')}.`]
}

function atRest({ imports, installed, heap }) {
  const their = 'express-session'
  const pairs = [
    ['Importing it', 'ms', imports.hipflask, imports[their], 1],
    ['Installed', 'bytes', installed.hipflask.bytes, installed[their].bytes, 0],
    ['Heap of an idle session in memory', 'bytes', heap.hipflask, heap[their], 0],
  ]
  return pairs.flatMap(([what, unit, ours, theirs, digits]) =>
    ours > theirs ? [`${what}: ${ours.toFixed(digits)} ${unit}; ${their} ${theirs.toFixed(digits)}.`] : [],
  )
}
