import { compile } from 'vega-lite'
import { parse, View } from 'vega'

/*
 * Plots as SVG files that stand alone: no script, no font to fetch, and colours that follow the reader's light or dark
 * scheme, on a ground of their own, so that they can be read wherever they are shown.
 */

const light = { ground: '#fefefe', ink: '#24292f', soft: '#57606a', line: '#d8dee4' }
const dark = { ground: '#0d1117', ink: '#e6edf3', soft: '#9198a1', line: '#30363d' }
/** Told apart by people who see colours differently, and on both grounds: after Okabe and Ito. */
const colours = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#b58900', '#56b4e9', '#8c6bb1', '#7f7f7f']

const recolouring = Object.entries(light)
  .map(([name, colour]) => [colour, dark[name]])
  .map(([from, to]) => `[fill="${from}"]{fill:${to}}[stroke="${from}"]{stroke:${to}}`)
  .join('')

const config = {
  background: light.ground,
  padding: 16,
  font: 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif',
  title: {
    color: light.ink,
    subtitleColor: light.soft,
    fontSize: 15,
    subtitleFontSize: 12,
    anchor: 'start',
    offset: 14,
  },
  axis: {
    ...{
      labelColor: light.soft,
      titleColor: light.soft,
      labelFontSize: 11,
      titleFontSize: 12,
      titleFontWeight: 400,
    },
    ...{
      gridColor: light.line,
      domainColor: light.line,
      tickColor: light.line,
      titlePadding: 10,
      labelFlush: false,
    },
  },
  legend: {
    labelColor: light.ink,
    labelFontSize: 12,
    title: null,
    symbolStrokeWidth: 3,
    symbolSize: 120,
    offset: 18,
  },
  view: { stroke: null },
}

/** A line for each series `{ name, points: [[x, y], …] }`; `x` and `y` are `{ title, log, values, format }`. Answers SVG. */
export function lineChart({ title, subtitle = '', x, y, series }) {
  const values = series.flatMap(({ name, points }) =>
    points.filter(([, at]) => at !== null).map(([from, to]) => ({ name, x: from, y: to })),
  )
  return drawn({
    ...{ width: 560, height: 320, title: { text: title, subtitle }, data: { values } },
    mark: { type: 'line', point: { size: 45, filled: true }, strokeWidth: 2.2 },
    encoding: {
      x: {
        field: 'x',
        type: 'quantitative',
        ...axis(
          x,
          values.map((one) => one.x),
        ),
      },
      y: {
        field: 'y',
        type: 'quantitative',
        ...axis(
          y,
          values.map((one) => one.y),
        ),
      },
      color: { field: 'name', type: 'nominal', ...palette(series.map(({ name }) => name)) },
    },
  })
}

/** A bar for each of `bars` `{ name, value }`, with its figure; `limit` `{ value, name }` is a line across. Answers SVG. */
export function barChart({ title, subtitle = '', y, bars, limit = null, format = '.1f' }) {
  const x = { field: 'name', type: 'nominal', sort: null, axis: { title: null, labelAngle: 0, ticks: false } }
  const of = { field: 'value', type: 'quantitative', axis: { title: y.title, tickCount: 6 } }
  const rule = limit && [
    {
      data: { values: [limit] },
      mark: { type: 'rule', color: light.ink, strokeDash: [5, 4] },
      encoding: { y: { ...of, aggregate: undefined } },
    },
    {
      data: { values: [limit] },
      mark: { type: 'text', color: light.ink, align: 'right', dy: -8, fontSize: 11 },
      encoding: { y: of, x: { value: 'width' }, text: { field: 'name' } },
    },
  ]
  return drawn({
    ...{ width: 560, height: 280, title: { text: title, subtitle } },
    layer: [
      {
        data: { values: bars },
        mark: { type: 'bar', color: colours[0], cornerRadiusEnd: 3, width: { band: 0.5 } },
        encoding: { x, y: of },
      },
      {
        data: { values: bars },
        mark: { type: 'text', color: light.ink, dy: -8, fontSize: 12 },
        encoding: { x, y: of, text: { field: 'value', format } },
      },
      ...(rule ?? []),
    ],
  })
}

/** An axis over `all` figures; a logarithmic one has lines at the powers of ten alone, unless it is given its own. */
function axis({ title, log = false, values, format = ',.2~f' }, all) {
  if (!log) return { scale: { zero: true }, axis: { title, format, tickCount: 6 } }
  const [from, to] = [Math.floor(Math.log10(Math.min(...all))), Math.ceil(Math.log10(Math.max(...all)))]
  const marks = values ?? Array.from({ length: to - from + 1 }, (_, n) => 10 ** (from + n))
  const domain = [marks[0], marks.at(-1)]
  return { scale: { type: 'log', domain, nice: false }, axis: { title, format, values: marks } }
}

function palette(names) {
  return { scale: { domain: names, range: colours.slice(0, names.length) }, sort: null }
}

async function drawn(spec) {
  const view = new View(parse(compile({ ...spec, config }).spec), { renderer: 'none' })
  const svg = await view.toSVG()
  view.finalize()
  const style = `<style>@media (prefers-color-scheme: dark){${recolouring}}</style>`
  return `${svg.replace(/(<svg[^>]*>)/, `$1${style}`)}\n`
}
