/** What every panel of the page uses: elements out of text alone, questions to the inspector, the feed, the way between panels. */
export const baseScript: string = /* js */ String.raw`
const token = document.querySelector('meta[name=token]').content
const base = location.pathname.replace(/\/+$/, '')
const main = document.querySelector('main')
const statusLine = document.getElementById('status')

// Values come from visitors: they become text, never markup.
function h(name, props, ...kids) {
  const el = document.createElement(name)
  for (const [key, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue
    if (key.startsWith('on')) el.addEventListener(key.slice(2), value)
    else if (key === 'vars') for (const [v, n] of Object.entries(value)) el.style.setProperty('--' + v, n)
    else if (key === 'value') el.value = value
    else el.setAttribute(key, value === true ? '' : value)
  }
  put(el, kids)
  return el
}
function put(el, kids) {
  for (const kid of kids.flat(9)) if (kid !== null && kid !== undefined && kid !== false) el.append(kid)
  return el
}
// Text with code in backquotes.
function prose(text) {
  return String(text).split('${'`'}').map((part, i) => i % 2 ? h('code', {}, part) : part)
}
function fill(el, ...kids) {
  const held = el.contains(document.activeElement)
  el.replaceChildren()
  put(el, kids)
  // Whoever was at something that is gone goes on in this panel, and not at the top of the page.
  if (held && !el.contains(document.activeElement)) main.focus({ preventScroll: true })
  return el
}

async function ask(name, args, method = 'GET') {
  const bytes = new TextEncoder().encode(JSON.stringify(args ?? {}))
  const sent = btoa(Array.from(bytes, (b) => String.fromCharCode(b)).join('')).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
  const response = await fetch(base + '/_ask/' + name, {
    method, cache: 'no-store', credentials: 'same-origin',
    headers: { 'x-inspector-token': token, 'x-inspector-arguments': sent },
  })
  if (!response.ok) throw new Error((await response.text()).trim())
  return name === 'feed' ? response : response.json()
}
const act = (name, args) => ask(name, args, 'POST')

function trouble(error) { return h('p', { class: 'note bad', role: 'alert' }, error.message) }
// Shows what a promise brings in place of el's contents, unless the reader has gone elsewhere.
async function show(el, promise, view) {
  try { const answer = await promise; if (el.isConnected) fill(el, view(answer)) }
  catch (error) { fill(el, trouble(error)) }
}

const state = { entries: [], description: null, since: null, skew: 0, secrets: [], missed: 0, times: [] }
const listeners = new Set()
const now = () => Date.now() + state.skew

function say(className, text) { statusLine.className = className; fill(statusLine, h('i', {}), text) }
function sayWatching() {
  const recent = state.times.filter((t) => t > Date.now() - 10000)
  state.times = recent
  say('on', 'watching since ' + clock(state.since) + (recent.length ? ' · ' + (recent.length / 10).toFixed(1) + ' requests/s' : ''))
}
function take(message) {
  if (message.description) {
    Object.assign(state, { description: message.description, since: message.since, skew: message.now - Date.now(), secrets: message.secrets, entries: [] })
    told.greeted?.()
  }
  state.missed += message.missed
  state.entries.push(...message.entries)
  if (!message.description) for (const entry of message.entries) if (entry.kind === 'visit') state.times.push(Date.now())
  if (state.entries.length > 500) state.entries.splice(0, state.entries.length - 500)
  for (const listener of listeners) listener(message.entries, Boolean(message.description))
}
const told = {}
const greeted = new Promise((resolve) => { told.greeted = resolve })

async function watch() {
  for (let wait = 500; ; wait = Math.min(wait * 2, 8000)) {
    try {
      const response = await ask('feed', { base })
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
      for (let rest = ''; ;) {
        const { value, done } = await reader.read()
        if (done) break
        const blocks = (rest + value).split('\n\n')
        rest = blocks.pop()
        for (const block of blocks) if (block.startsWith('data: ')) take(JSON.parse(block.slice(6)))
        sayWatching()
        wait = 500
      }
      say('', 'connecting again …')
    } catch (error) { say('off', error instanceof TypeError ? 'the app does not answer' : error.message) }
    await new Promise((resolve) => setTimeout(resolve, wait))
  }
}

// Words and numbers
const two = (n) => String(n).padStart(2, '0')
function clock(at) { const d = new Date(at); return two(d.getHours()) + ':' + two(d.getMinutes()) + ':' + two(d.getSeconds()) }
function date(at) { const d = new Date(at); return d.getFullYear() + '-' + two(d.getMonth() + 1) + '-' + two(d.getDate()) + ' ' + clock(at) }
function span(ms) {
  const units = [['d', 86400000], ['h', 3600000], ['min', 60000], ['s', 1000]]
  if (ms < 1000) return Math.max(0, Math.round(ms)) + ' ms'
  const i = units.findIndex(([, size]) => ms >= size)
  const [name, size] = units[i]
  const rest = units[i + 1] ? Math.floor((ms % size) / units[i + 1][1]) : 0
  return Math.floor(ms / size) + ' ' + name + (rest && ms / size < 10 ? ' ' + rest + ' ' + units[i + 1][0] : '')
}
const ago = (at) => { const ms = now() - at; return ms < 1500 ? 'just now' : span(ms) + ' ago' }
const took = (ms) => ms === 0 ? '0 ms' : ms < 10 ? ms.toFixed(2) + ' ms' : ms.toFixed(0) + ' ms'
const size = (n) => n === null || n === undefined ? '' : n < 1024 ? n + ' B' : (n / 1024).toFixed(1) + ' kB'
const short = (id) => id.slice(0, 8)
const plural = (n, word) => n + ' ' + word + (n === 1 ? '' : 's')
function meter(part, low) { return h('div', { class: 'meter' + (low ? ' low' : ''), vars: { part: Math.max(0, Math.min(1, part || 0)) } }, h('i')) }
const to = (panel, arg) => '#/' + panel + (arg === undefined ? '' : '/' + encodeURIComponent(arg))
function sessionLink(id) { return h('a', { href: to('session', id), class: 'mono', title: 'Session ' + id }, short(id)) }

const tones = {
  created: 'good', written: 'blue', merged: 'violet', clash: 'look', renewed: '', rotated: 'blue', read: '',
  destroyed: '', revoked: 'bad', gone: 'look', expired: 'look', evicted: 'look', unknown: 'look', rejected: 'bad',
  duplicate: 'bad', corrupt: 'bad', invalid: 'bad', store_error: 'bad', warning: 'look',
}
const names = { gone: 'refused to revive', rejected: 'rejected cookie', store_error: 'store error', merged: 'merged', unknown: 'unknown id' }
function chip(type, title) { return h('span', { class: 'chip ' + (tones[type] ?? ''), title: title?.replaceAll('${'`'}', '') }, names[type] ?? type) }

// A value as a tree
function tree(value, label) {
  const head = label === undefined ? null : [h('span', { class: 'key' }, label), ': ']
  const kind = (text) => h('span', { class: 'kind' }, text)
  if (value.masked) return h('div', { class: 'leaf' }, head, '••••••', kind(value.type + ', masked'))
  if (!value.parts) {
    const cut = value.length === undefined ? '' : ', ' + value.length + ' characters, the first ' + value.text.length + ' shown'
    return h('div', { class: 'leaf' }, head, h('span', { class: 'val' }, value.text === '' ? '""' : value.text), kind(value.type + cut))
  }
  const inner = h('div', { class: 'tree' }, value.parts.map(([key, part]) => tree(part, key)),
    value.more ? h('div', { class: 'leaf soft' }, '… ' + value.more + ' more not shown') : null)
  const count = value.parts.length + (value.more ?? 0)
  if (label === undefined) { inner.classList.add('root'); return inner }
  return h('details', { open: count <= 12 }, h('summary', {}, head, kind(value.type + ' of ' + count)), inner)
}
function diff(changes) {
  if (changes.shown.length === 0) return h('p', { class: 'soft small' }, 'No value changed.')
  return h('ul', { class: 'diff' },
    changes.shown.map(({ key, was, is, theirs }) => h('li', { class: theirs ? 'theirs' : was === null ? 'add' : is === null ? 'del' : 'mod' },
      h('span', {}, key), ': ', was === null ? null : h('s', {}, was), was !== null && is !== null ? ' → ' : null, is === null ? null : h('span', {}, is), theirs ? h('span', { class: 'kind' }, 'by the other request') : null)),
    changes.more ? h('li', {}, changes.more + ' more') : null)
}

// Asks before something that cannot be undone.
function confirmed(question, deed) {
  return new Promise((resolve) => {
    const dialog = h('dialog', { 'aria-labelledby': 'asked' }, h('h2', { id: 'asked' }, question),
      h('p', { class: 'soft' }, 'This is final: no late request brings a session back. It is told to the app as an event.'),
      h('div', { class: 'bar' },
        h('button', { type: 'button', onclick: () => dialog.close() }, 'Keep'),
        h('button', { type: 'button', class: 'danger', onclick: () => dialog.close('yes') }, deed)))
    dialog.addEventListener('close', () => { dialog.remove(); resolve(dialog.returnValue === 'yes') })
    document.body.append(dialog)
    dialog.showModal()
  })
}
async function revoke(button, id) {
  if (button.ariaDisabled || !await confirmed('Revoke session ' + short(id) + '?', 'Revoke')) return false
  // A disabled one would lose the focus.
  button.ariaDisabled = 'true'
  try { const { revoked } = await act('revoke', { id }); button.textContent = revoked ? 'Revoked' : 'Had ended'; return true }
  catch (error) { button.textContent = 'Failed'; button.title = error.message; return false }
}

// Panels: each draws itself into main, and may answer how to stop.
const panels = new Map()
let stop = null
function open() {
  const [name = 'live', arg] = location.hash.replace(/^#\/?/, '').split('/')
  const key = panels.has(name) ? name : 'live'
  stop?.()
  for (const link of document.querySelectorAll('nav a')) {
    if (link.dataset.panel === key) { link.setAttribute('aria-current', 'page'); link.scrollIntoView({ block: 'nearest', inline: 'nearest' }) }
    else link.removeAttribute('aria-current')
  }
  fill(main)
  stop = panels.get(key)(arg === undefined || arg === '' ? undefined : decoded(arg)) ?? null
}
// An address that was cut off is taken as it stands.
function decoded(text) {
  try { return decodeURIComponent(text) } catch { return text }
}
function heading(title, lead) { return [h('h1', {}, title), h('p', { class: 'lead' }, prose(lead))] }

addEventListener('hashchange', () => { open(); main.focus({ preventScroll: true }); scrollTo(0, 0) })
addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest('input, textarea, select, dialog')) return
  const links = [...document.querySelectorAll('nav a')]
  if (links[Number(event.key) - 1]) links[Number(event.key) - 1].click()
  else if (event.key === '/') { const search = main.querySelector('input[type=search]'); if (search) { event.preventDefault(); search.focus() } }
  else if (event.key === 'p') main.querySelector('[data-pause]')?.click()
})
`
