/** Panel 1: what happens, as it happens. */
export const feedScript: string = /* js */ String.raw`
const kinds = {
  reads: ['read', 'renewed'],
  changes: ['created', 'written', 'merged', 'clash', 'rotated'],
  ends: ['destroyed', 'revoked', 'gone', 'expired', 'evicted'],
  problems: ['rejected', 'unknown', 'duplicate', 'corrupt', 'invalid', 'store_error', 'warning'],
}
const feedView = { paused: false, text: '', off: new Set() }

function eventsOf(entry) { return entry.kind === 'event' ? [entry.event] : entry.events }
function kindsOf(entry) {
  const found = eventsOf(entry).map(({ type }) => Object.keys(kinds).find((kind) => kinds[kind].includes(type)))
  if (entry.kind === 'visit' && entry.error !== null) found.push('problems')
  return found.length ? found : ['nothing']
}
function shownInFeed(entry) {
  if (kindsOf(entry).every((kind) => feedView.off.has(kind))) return false
  if (feedView.text === '') return true
  const words = [entry.route, entry.id, entry.user, entry.event?.text, entry.event?.id, ...eventsOf(entry).map(({ type }) => type + ' ' + (names[type] ?? ''))]
  return words.some((word) => word?.toLowerCase().includes(feedView.text))
}
function eventChips(entry) {
  const events = eventsOf(entry)
  const kids = events.slice(0, 6).map(({ type, text }) => chip(type, text))
  if (events.length > 6) kids.push(h('span', { class: 'chip' }, '+' + (events.length - 6)))
  if (events.length === 0) kids.push(h('span', { class: 'chip' }, entry.looked ? 'looked at' : 'not looked at'))
  if (entry.error) kids.push(h('span', { class: 'chip bad' }, entry.error.replace('ERR_SESSION_', '').toLowerCase()))
  return h('span', { class: 'chips' }, kids)
}
function feedRow(entry, fresh) {
  if (entry.kind === 'event') {
    const { event } = entry
    return h('li', { class: fresh && 'fresh' }, h(event.id ? 'a' : 'div', { class: 'row', href: event.id ? to('session', event.id) : null },
      h('span', { class: 'mono small' }, clock(event.at)), h('span', { class: 'soft' }, prose(event.text)), eventChips(entry),
      h('span', { class: 'mono small' }, event.id ? short(event.id) : ''), h('span'), h('span'), h('span')))
  }
  const calls = entry.calls.length
  return h('li', { class: fresh && 'fresh' }, h('a', { class: 'row', href: to('why', entry.n) },
    h('span', { class: 'mono small' }, clock(entry.at)),
    h('span', {}, entry.route ?? '(no route)'),
    eventChips(entry),
    h('span', { class: 'small' }, entry.user ? entry.user + ' ' : '', h('span', { class: 'mono soft' }, entry.id ? short(entry.id) : '')),
    h('span', { class: 'n' }, took(entry.milliseconds)),
    h('span', { class: 'n' }, calls ? plural(calls, 'call') : '–'),
    h('span', { class: 'n' }, size(entry.bytes))))
}

panels.set('live', () => {
  const list = h('ol', { class: 'feed', 'aria-label': 'What happens, the newest first' })
  const head = h('li', { 'aria-hidden': 'true' }, h('div', { class: 'row head' },
    h('span', {}, 'Time'), h('span', {}, 'Request'), h('span', {}, 'What happened'), h('span', {}, 'Session'),
    h('span', { class: 'n' }, 'Took'), h('span', { class: 'n' }, 'Store'), h('span', { class: 'n' }, 'Size')))
  const empty = h('li', { class: 'empty' }, 'Nothing yet. Use the app in another tab, and watch.')
  let held = 0
  const pause = h('button', { type: 'button', 'data-pause': true, 'aria-pressed': String(feedView.paused), onclick: () => {
    feedView.paused = !feedView.paused
    pause.setAttribute('aria-pressed', String(feedView.paused))
    held = 0
    label()
    if (!feedView.paused) draw()
  } })
  const label = () => { pause.textContent = feedView.paused ? (held ? 'Resume (' + held + ' new)' : 'Resume') : 'Pause' }
  const search = h('input', { type: 'search', class: 'grow', placeholder: 'Filter by route, user, id or event', 'aria-label': 'Filter', value: feedView.text, oninput: () => { feedView.text = search.value.trim().toLowerCase(); draw() } })
  const toggles = [...Object.keys(kinds), 'nothing'].map((kind) => {
    const button = h('button', { type: 'button', class: 'slim', 'aria-pressed': String(!feedView.off.has(kind)), onclick: () => {
      if (!feedView.off.delete(kind)) feedView.off.add(kind)
      button.setAttribute('aria-pressed', String(!feedView.off.has(kind)))
      draw()
    } }, kind === 'nothing' ? 'untouched' : kind)
    return button
  })
  const missed = h('p', { class: 'soft small', hidden: true })
  function draw() {
    const rows = state.entries.filter(shownInFeed).slice(-300).reverse().map((entry) => feedRow(entry))
    fill(list, head, rows.length ? rows : empty)
    tellMissed()
  }
  function tellMissed() {
    missed.hidden = state.missed === 0
    missed.textContent = 'The app is busier than a page can show: ' + state.missed + ' entries were left out.'
  }
  function add(entries, whole) {
    if (feedView.paused) { held += entries.length; return label() }
    if (whole) return draw()
    const rows = entries.filter(shownInFeed).reverse().map((entry) => feedRow(entry, true))
    if (rows.length === 0) return
    empty.remove()
    head.after(...rows)
    while (list.children.length > 301) list.lastElementChild.remove()
    tellMissed()
  }
  put(main, [heading('Live', 'Every request that opens a session, as it happens. Choose one to see why its session was found, stored or refused.'),
    h('div', { class: 'bar' }, pause, search, h('span', { class: 'chips', role: 'group', 'aria-label': 'Show' }, toggles)), missed, list])
  label()
  draw()
  listeners.add(add)
  return () => listeners.delete(add)
})
`
