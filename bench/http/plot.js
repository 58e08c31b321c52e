/** The size and colours of a chart; both colour schemes are in the drawing itself, and no font but the reader's. */
const style = `
text { font: 13px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600; font-size: 15px } .note, .group { fill: #57606a } .group { font-weight: 600 }
.hipflask { fill: #0b7a75 } .peer { fill: #b4502f } .floor { fill: #8c959f } .second { opacity: .45 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .note, .group { fill: #9da7b1 }
.hipflask { fill: #2dd4bf } .peer { fill: #f0885e } .floor { fill: #7d8590 }
}`

const left = 250
const width = 800
const room = width - left - 70
const heights = { row: 30, group: 30, head: 62 }

const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

/**
 * Horizontal bars as the text of an SVG file. `groups` are `{ name, rows }`; a row is `{ label, role, values, texts }` with
 * one bar for each value, the second one lighter. Bars that would dwarf all others are cut, with their figure beside.
 */
export function barChart({ title, note, description, groups }) {
  const all = groups.flatMap(({ rows }) => rows.flatMap(({ values }) => values)).toSorted((a, b) => a - b)
  const largest = Math.min(all.at(-1) ?? 1, 3 * (all[Math.floor(all.length * 0.75)] ?? 1))
  let y = heights.head
  const drawn = []
  for (const { name, rows } of groups) {
    drawn.push(`<text class="group" x="8" y="${y + 20}">${escaped(name)}</text>`)
    y += heights.group
    for (const { label, role, values, texts } of rows) {
      drawn.push(`<text x="${left - 10}" y="${y + 17}" text-anchor="end">${escaped(label)}</text>`)
      values.forEach((value, at) => {
        const length = Math.max(1, (Math.min(Math.max(value, 0), largest) / largest) * room)
        const top = y + 3 + at * 12
        const cut = value > largest ? ' ⋯' : ''
        drawn.push(
          `<rect class="${role}${at === 0 ? '' : ' second'}" x="${left}" y="${top}" width="${length.toFixed(1)}" height="11" rx="2"/>`,
          `<text class="note" style="font-size:11px" x="${(left + length + 5).toFixed(1)}" y="${top + 9.5}">${escaped(texts[at])}${cut}</text>`,
        )
      })
      y += heights.row
    }
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y + 10}" width="${width}" height="${y + 10}" role="img" aria-label="${escaped(description).replaceAll('"', '&quot;')}">
<style>${style}
</style>
<text class="title" x="8" y="22">${escaped(title)}</text>
<text class="note" x="8" y="44">${escaped(note)}</text>
${drawn.join('\n')}
</svg>
`
}
