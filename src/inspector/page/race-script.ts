/** Panel 5: two overlapping requests, really run, drawn for a last-writer-wins library and for hipflask. */
export const raceScript: string = /* js */ String.raw`
const presets = [
  ['Two visits at once', { verb: 'add', key: 'visits' }, { verb: 'add', key: 'visits' }, 'B'],
  ['A cart and a name', { verb: 'push', key: 'cart', value: 'pear' }, { verb: 'set', key: 'name', value: 'Bea' }, 'B'],
  ['Log out, then a late save', { verb: 'set', key: 'theme', value: 'dark' }, { verb: 'destroy' }, 'B'],
  ['Both say a name', { verb: 'set', key: 'name', value: 'Ada' }, { verb: 'set', key: 'name', value: 'Bea' }, 'B'],
]
const verbs = [['set', 'sets'], ['add', 'adds 1 to'], ['push', 'appends to'], ['remove', 'removes'], ['destroy', 'logs out']]

panels.set('race', (id) => {
  const keys = h('datalist', { id: 'keys' }, ['name', 'visits', 'cart'].map((key) => h('option', { value: key })))
  const a = deed('A')
  const b = deed('B')
  const first = h('select', { 'aria-label': 'Who answers first' }, h('option', { value: 'B' }, 'B answers first'), h('option', { value: 'A' }, 'A answers first'))
  const picture = h('div', { class: 'race', 'aria-live': 'polite' })
  const problem = h('div')
  const buttons = presets.map(([name, ...plan], i) => h('button', { type: 'button', 'aria-pressed': 'false', onclick: () => choose(i) }, name))
  let last = null
  put(main, [heading('Race lab', 'Two requests of one visitor overlap: both read the session before either has stored its change. Below, the same two requests run for real, on ' + (id === undefined ? 'a sample session' : 'a copy of session ${'`'}' + short(id) + '${'`'}') + ', both ways.'),
    h('div', { class: 'bar' }, buttons),
    h('form', { class: 'two', onsubmit: (event) => { event.preventDefault(); for (const button of buttons) button.setAttribute('aria-pressed', 'false'); run() } },
      a.field, b.field, h('div', { class: 'bar' }, first, h('button', { class: 'main' }, 'Run the race'), keys, id === undefined ? null : h('a', { class: 'button', href: to('session', id) }, 'Back to the session'))),
    problem, picture])

  if (id !== undefined) ask('session', { id }).then(({ values }) => { if (values) fill(keys, values.parts.map(([key]) => h('option', { value: key }))) }, () => {})
  choose(0)
  let drawnAt = 0
  const redraw = () => { if (last && picture.clientWidth !== drawnAt) draw(last, false) }
  addEventListener('resize', redraw)
  return () => removeEventListener('resize', redraw)

  function deed(who) {
    const verb = h('select', { 'aria-label': 'What ' + who + ' does', onchange: fit }, verbs.map(([value, text]) => h('option', { value }, text)))
    const key = h('input', { 'aria-label': 'Key', list: 'keys', placeholder: 'key', maxlength: 100 })
    const value = h('input', { 'aria-label': 'Value', placeholder: 'value' })
    function fit() {
      key.hidden = verb.value === 'destroy'
      value.hidden = verb.value !== 'set' && verb.value !== 'push'
    }
    return {
      field: h('fieldset', {}, h('legend', {}, h('i', { class: 'who-' + who.toLowerCase() }, who), 'Request ' + who), h('div', { class: 'deed' }, verb, key, value)),
      set(plan) {
        verb.value = plan.verb
        key.value = plan.key ?? ''
        value.value = plan.value === undefined ? '' : typeof plan.value === 'string' ? plan.value : JSON.stringify(plan.value)
        fit()
      },
      get() {
        let parsed = value.value
        try { parsed = JSON.parse(value.value) } catch { /* text is a value as it is */ }
        return { verb: verb.value, key: key.value.trim(), value: parsed }
      },
    }
  }
  function choose(i) {
    buttons.forEach((button, j) => button.setAttribute('aria-pressed', String(i === j)))
    a.set(presets[i][1])
    b.set(presets[i][2])
    first.value = presets[i][3]
    run()
  }
  async function run() {
    try {
      last = await act('race', { id: id ?? null, a: a.get(), b: b.get(), first: first.value })
      fill(problem)
      if (picture.isConnected) draw(last, true)
    } catch (error) { fill(problem, h('br'), trouble(error)) }
  }
  function draw({ start, theirs, ours }, first) {
    drawnAt = picture.clientWidth
    const cards = [
      ['Last writer wins', 'Load all of it, save all of it: how most libraries work.', theirs],
      ['hipflask', 'Compare and swap: a late write is replayed on the newest.', ours],
    ].map(([title, lead, outcome]) => {
      const card = h('section', { class: 'sheet', 'aria-label': title + ': ' + outcome.verdict }, h('h2', {}, title), h('p', { class: 'soft small' }, lead))
      return [card, outcome]
    })
    fill(picture, cards.map(([card]) => card))
    for (const [card, outcome] of cards) {
      const width = Math.max(280, Math.min(600, card.clientWidth - 34))
      const drawn = diagram(start, outcome, width)
      if (first) drawn.setAttribute('class', 'first')
      card.append(drawn, h('p', { class: 'verdict ' + (outcome.right ? 'good' : 'bad') },
        h('span', { 'aria-hidden': 'true' }, outcome.right ? '✓' : '✕'), outcome.verdict))
    }
  }
})

function svg(name, props, ...kids) {
  const el = document.createElementNS('http://www.w3.org/2000/svg', name)
  for (const [key, value] of Object.entries(props ?? {})) if (value !== undefined) el.setAttribute(key, value)
  return put(el, kids)
}
const looks = {
  read: ['read', false], reread: ['read', false], write: ['good', false], delete: ['good', false],
  revive: ['bad', false], refused: ['look', true], gone: ['look', true],
}
function cutTo(text, most) { return text.length > most ? text.slice(0, Math.max(1, most - 1)) + '…' : text }
function wrapTo(text, most) {
  const lines = ['']
  for (const word of text.split(' ')) {
    if (lines.at(-1) !== '' && (lines.at(-1) + ' ' + word).length > most) lines.push(word)
    else lines.push((lines.pop() + ' ' + word).trim())
  }
  return lines
}

// Time goes down; the two requests stand left and right of what is stored.
function diagram(start, { steps, final, right }, W) {
  const X = { A: Math.round(W * 0.175), S: Math.round(W * 0.5), B: Math.round(W * 0.825) }
  const gap = X.S - X.A
  const above = []
  const parts = []
  let y = 20
  const label = (x, text, props) => svg('text', { x, y, 'text-anchor': 'middle', 'font-size': 12, ...props }, text)
  function stateBox(text, tone, i) {
    const lines = text.split('\n').map((line) => cutTo(line, Math.floor(W * 0.5 / 7.4)))
    const width = Math.max(...lines.map((line) => line.length)) * 7.4 + 22
    const height = lines.length * 17 + 9
    const box = svg('g', { class: 'step' }, svg('rect', { x: X.S - width / 2, y, width, height, rx: 7, class: 'state ' + tone }),
      lines.map((line, n) => svg('text', { x: X.S, y: y + 18 + n * 17, 'text-anchor': 'middle', 'font-size': 12, class: 'mono' + (tone ? ' fill-' + tone : '') }, line)))
    box.style.setProperty('--i', i)
    parts.push(box)
    y += height
  }
  for (const who of ['A', 'B']) above.push(label(X[who], 'Request ' + who, { 'font-weight': 650, 'font-size': 13, class: 'name-' + who.toLowerCase() }))
  above.push(label(X.S, 'stored', { 'font-weight': 650, 'font-size': 13 }))
  y += 16
  const top = y
  stateBox(start, '', 0)
  y += 10
  const life = { A: null, B: null }
  const lastWrite = steps.findLastIndex((step) => step.values !== undefined)
  steps.forEach((step, n) => {
    const { who, what, text, values } = step
    const i = n + 1
    const x = X[who]
    life[who] ??= [y - 2, y]
    const side = who === 'A' ? 1 : -1
    const group = svg('g', { class: 'step' })
    group.style.setProperty('--i', i)
    if (what === 'change') {
      y += 10
      const code = cutTo(text, Math.floor((W * 0.335) / 7.4))
      const width = code.length * 7.4 + 20
      put(group, [svg('title', {}, text), svg('rect', { x: x - width / 2, y, width, height: 26, rx: 13, class: 'deed-' + who.toLowerCase(), 'stroke-width': 1.5 }),
        svg('text', { x, y: y + 17.5, 'text-anchor': 'middle', 'font-size': 12, class: 'mono' }, code)])
      y += 26
      parts.push(group)
    } else {
      const [tone, stopped] = looks[what]
      const lines = wrapTo(text, Math.floor((gap - 34) / 6.1))
      y += 14
      for (const line of lines) {
        put(group, [svg('text', { x: x + side * gap / 2, y: y + 4, 'text-anchor': 'middle', 'font-size': 11.5, class: tone === 'read' ? 'soft' : 'fill-' + tone }, line)])
        y += 14
      }
      const near = x + side * 14
      const far = X.S - side * (stopped ? 15 : 7)
      const inward = what === 'read' || what === 'reread'
      const [from, tip] = inward ? [X.S - side * 5, near] : [near, far]
      const ahead = tip > from ? 1 : -1
      put(group, [svg('line', { x1: from, y1: y, x2: tip - ahead * 6, y2: y, class: 'arrow ' + tone, 'stroke-dasharray': stopped ? '5 4' : undefined }),
        stopped
          ? svg('path', { d: 'M' + (tip - 5) + ' ' + (y - 5) + 'l10 10m0 -10l-10 10', class: 'arrow ' + tone, 'stroke-width': 2.5 })
          : svg('path', { d: 'M' + tip + ' ' + y + 'l' + -ahead * 8 + ' -4.5v9z', class: 'head ' + tone + '-head' })])
      parts.push(group)
      if (values !== undefined && what !== 'reread') {
        y += 9
        stateBox(values, n === lastWrite ? (right ? 'good' : 'bad') : '', i)
      } else y += 4
    }
    life[who][1] = y + 6
    y += 4
  })
  y += 22
  const height = y
  const lanes = [svg('line', { x1: X.S, x2: X.S, y1: top + 4, y2: height - 10, class: 'store' })]
  for (const who of ['A', 'B']) {
    lanes.push(svg('line', { x1: X[who], x2: X[who], y1: top - 4, y2: height - 10, class: 'lane', 'stroke-dasharray': '2 5' }))
    const [from, end] = life[who]
    lanes.push(svg('rect', { x: X[who] - 9, y: from, width: 18, height: end - from, rx: 9, class: 'life-' + who.toLowerCase() }))
  }
  const told = steps.map(({ who, text, values }) => who + ' ' + text + (values ? ', then stored: ' + values : '')).join('; ')
  return svg('svg', { viewBox: '0 0 ' + W + ' ' + height, width: W, height, role: 'img', 'aria-label': told + '. In the end: ' + (final ?? 'the session is ended') }, lanes, above, parts)
}
`
