/** Panel 4: one request, step by step, with the reason for each. */
export const whyScript: string = /* js */ String.raw`
panels.set('why', (n) => {
  const box = h('div')
  put(main, [heading('Why', 'One request: what came, what was found, why it was stored or not, and why a cookie was set or not.'), box])
  const https = location.protocol === 'https:'
  const last = () => state.entries.findLast((entry) => entry.kind === 'visit')
  greeted.then(() => {
    const chosen = n === undefined ? last()?.n : Number(n)
    if (chosen === undefined) return fill(box, h('div', { class: 'sheet empty' }, 'No request yet. Use the app in another tab, then look here.'))
    return show(box, ask('why', { n: chosen, https }), (answer) => view(answer, chosen))
  })

  function view({ seen, answers }, chosen) {
    const others = state.entries.filter((entry) => entry.kind === 'visit').slice(-40).reverse()
    const choice = h('select', { 'aria-label': 'Request', class: 'grow', onchange: () => { location.hash = to('why', choice.value) } },
      others.map((entry) => h('option', { value: entry.n, selected: entry.n === chosen }, clock(entry.at) + '  ' + (entry.route ?? '(no route)') + '  ' + entry.events.map(({ type }) => names[type] ?? type).join(', '))))
    const bar = h('div', { class: 'bar' }, choice)
    if (seen === null) return [bar, h('p', { class: 'note' }, 'This request is no longer remembered: the newest 500 entries are kept.')]
    const total = Math.max(seen.milliseconds, 0.001)
    return [bar, h('div', { class: 'split' },
      h('section', { class: 'sheet' }, h('h2', {}, seen.route ?? '(no route)'), h('ol', { class: 'steps' },
        answers.map(({ question, answer, tone }) => h('li', { class: tone, 'data-mark': marks[tone] }, h('strong', {}, question), prose(answer))))),
      h('div', {},
        h('section', { class: 'sheet' }, h('h2', {}, 'What changed'), diff(seen.changes),
          seen.id ? h('p', { class: 'small' }, h('br'), 'Session ', sessionLink(seen.id), seen.user ? ' of ' + seen.user : '') : null),
        h('section', { class: 'sheet' }, h('h2', {}, 'Store calls'),
          seen.calls.length === 0 ? h('p', { class: 'soft' }, 'None.') : h('div', { class: 'calls' }, seen.calls.map(({ call, milliseconds, ok }) => [
            h('code', {}, call), h('div', { class: ok ? '' : 'bad' }, meter(Math.max(0.02, milliseconds / total))), h('span', { class: ok ? 'soft' : 'tone-bad' }, ok ? took(milliseconds) : 'failed')])),
          h('p', { class: 'soft small' }, h('br'), took(seen.milliseconds) + ' from the cookie to the response head, by ' + (seen.secure ? 'HTTPS' : 'plain HTTP') + ', at ' + date(seen.at) + '.')),
        h('section', { class: 'sheet' }, h('h2', {}, 'What happened'), seen.events.length === 0 ? h('p', { class: 'soft' }, 'Nothing.') :
          h('ul', { class: 'plain' }, seen.events.map(({ type, text }) => h('li', {}, chip(type), ' ', h('span', { class: 'small' }, prose(text)))))),
        seen.setCookie ? h('section', { class: 'sheet' }, h('h2', {}, 'Set-Cookie'), h('pre', {}, seen.setCookie)) : null))]
  }
})
`
