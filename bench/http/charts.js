import { addedBy, isFloor, isOurs, kindName, micros } from './figures.js'
import { alike, frameworks } from './places.js'
import { barChart } from './plot.js'

const kinds = ['memory', 'redis', 'sealed', 'flask', 'postgres', 'sqlite', 'file']
const titles = {
  ...Object.fromEntries(kinds.map((kind) => [kind, kindName(kind)])),
  redis: 'Redis',
  flask: 'signed cookie',
}

/** A chart for each framework that has something to compare: from a file’s name to `{ svg, alt, title }`. Pure. */
export function chartsOf({ results }) {
  const charts = {}
  for (const framework of Object.keys(frameworks)) {
    const lines = results.filter(
      (line) => line.framework === framework && line.library !== 'none' && addedBy(line, 'S1') !== null,
    )
    if (!lines.some(isOurs)) continue
    charts[`performance-${framework}.svg`] = chartOf(frameworks[framework], lines)
  }
  return charts
}

function chartOf(name, lines) {
  const groups = kinds
    .map((kind) => ({ name: titles[kind], rows: lines.filter((line) => alike(line.kind, kind)).map(rowOf) }))
    .filter(({ rows }) => rows.length > 0)
  const said = groups.map(
    ({ name, rows }) =>
      `${name}: ${rows.map(({ label, texts }) => `${label} ${texts.join(' and ')}`).join(', ')}`,
  )
  const title = `${name}: CPU time a session adds to a request`
  const alt = `${title}, reading and writing, in microseconds. ${said.join('. ')}.`
  const note = 'Microseconds over the same framework without a session; upper bar reading, lower bar writing'
  return { svg: barChart({ title, note, description: alt, groups }), alt, title }
}

function rowOf(line) {
  const values = ['S1', 'S2'].map((scene) => addedBy(line, scene)).filter((value) => value !== null)
  const role = isOurs(line) ? 'hipflask' : isFloor(line) ? 'floor' : 'peer'
  return { label: line.label, role, values, texts: values.map(micros) }
}
