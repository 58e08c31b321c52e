/** Panels 2 and 3: the list of sessions, and one of them. */
export const sessionsScript: string = /* js */ String.raw`
const columns = [
  ['user', 'User', (row) => row.user ?? ''],
  ['createdAt', 'Created', (row) => row.createdAt],
  ['seenAt', 'Last seen', (row) => row.seenAt],
  ['idle', 'Idle time left', (row) => row.expiresAt],
  ['endsAt', 'Lifetime left', (row) => row.endsAt],
  ['size', 'Size', (row) => row.size],
  ['keys', 'Keys', (row) => row.keys ?? -1],
]
const listView = { sort: 'seenAt', down: true }

function timeLeft(row, which) {
  const { idle, lifetime } = state.description
  if (which === 'idle' && idle === null) return [h('span', { class: 'soft' }, 'no limit')]
  const end = which === 'idle' ? row.expiresAt : row.endsAt
  const part = (end - now()) / (which === 'idle' ? idle : lifetime)
  return [end <= now() ? 'over' : span(end - now()), meter(part, part < 0.15)]
}
function inCookies() {
  return h('div', { class: 'sheet' }, h('h2', {}, 'These sessions live in cookies'),
    h('p', {}, 'Only the browsers know them: they cannot be listed or revoked here. The live feed shows each as it comes by, and the decoder reads one that you paste.'))
}

panels.set('sessions', (user) => {
  const box = h('div')
  put(main, [heading('Sessions', 'What the store holds, a page at a time: the store is never walked as a whole. A user is looked up in the index.'), box])
  greeted.then(() => { if (box.isConnected) fill(box, state.description.place === 'cookie' ? inCookies() : list()) })

  function list() {
    let rows = []
    let next = null
    let more = 0
    const body = h('tbody')
    const foot = h('div', { class: 'bar' })
    const count = h('span', { class: 'soft small', role: 'status' })
    const search = h('input', { type: 'search', class: 'grow', placeholder: 'A user, exactly as the app names them', 'aria-label': 'User', value: user ?? '' })
    const within = h('input', { type: 'search', class: 'grow', placeholder: 'Search the rows below', 'aria-label': 'Search the rows', oninput: draw })
    const heads = columns.map(([key, title]) => h('th', { scope: 'col' }, h('button', { type: 'button', onclick: () => {
      listView.down = listView.sort === key ? !listView.down : true
      listView.sort = key
      draw()
    } }, title)))
    function draw() {
      const word = within.value.trim().toLowerCase()
      const [, , by] = columns.find(([key]) => key === listView.sort)
      const some = rows
        .filter((row) => word === '' || [row.user, row.id, row.label].some((text) => text?.toLowerCase().includes(word)))
        .sort((a, b) => (by(a) < by(b) ? -1 : by(a) > by(b) ? 1 : 0) * (listView.down ? -1 : 1))
      columns.forEach(([key], i) => { if (key === listView.sort) heads[i].setAttribute('aria-sort', listView.down ? 'descending' : 'ascending'); else heads[i].removeAttribute('aria-sort') })
      fill(body, some.map((row) => {
        const end = h('button', { type: 'button', class: 'slim danger', 'aria-label': 'Revoke session ' + short(row.id), onclick: () => revoke(end, row.id) }, 'Revoke')
        return h('tr', {},
          h('td', { class: 'wide' }, h('a', { href: to('session', row.id) }, row.user ?? h('span', { class: 'soft' }, 'nobody')), ' ', h('span', { class: 'mono soft small' }, short(row.id)), row.label ? h('div', { class: 'soft small' }, row.label.slice(0, 90)) : null),
          h('td', { 'data-label': 'Created', class: 'n', title: date(row.createdAt) }, ago(row.createdAt)),
          h('td', { 'data-label': 'Last seen', class: 'n', title: date(row.seenAt) }, ago(row.seenAt)),
          h('td', { 'data-label': 'Idle time left', class: 'n' }, timeLeft(row, 'idle')),
          h('td', { 'data-label': 'Lifetime left', class: 'n' }, timeLeft(row, 'ends')),
          h('td', { 'data-label': 'Size', class: 'n' }, size(row.size)),
          h('td', { 'data-label': 'Keys', class: 'n' }, row.keys ?? '?'),
          h('td', { class: 'wide' }, end))
      }), some.length ? null : h('tr', {}, h('td', { class: 'empty', colspan: 8 }, user === undefined ? 'No session.' : 'This user has no session.')))
      const what = rows.length === some.length ? '' : some.length + ' of '
      count.textContent = what + plural(rows.length, 'session') + (next ? ' so far' : '') + (more ? ', ' + more + ' more not shown' : '')
      const all = user === undefined || rows.length === 0 ? null : h('button', { type: 'button', class: 'danger', onclick: async () => {
        if (!await confirmed('Revoke all sessions of ' + user + '?', 'Revoke all')) return
        await show(foot, act('revoke-user', { user }), ({ revoked }) => h('span', { role: 'status' }, plural(revoked, 'session') + ' revoked.'))
        load(null)
      } }, 'Revoke all of ' + user)
      fill(foot, next ? h('button', { type: 'button', onclick: () => load(next) }, 'Load more') : null, all, count)
    }
    async function load(cursor) {
      try {
        const answer = await ask('sessions', user === undefined ? { cursor: cursor ?? undefined } : { user })
        rows = cursor ? [...rows, ...answer.rows].slice(-1000) : answer.rows
        next = answer.next ?? null
        more = answer.more ?? 0
        draw()
      } catch (error) { fill(body, h('tr', {}, h('td', { colspan: 8 }, trouble(error)))) }
    }
    load(null)
    return [
      h('form', { class: 'bar', onsubmit: (event) => { event.preventDefault(); location.hash = search.value.trim() === '' ? to('sessions') : to('sessions', search.value.trim()) } },
        search, h('button', {}, 'Find user'), user === undefined ? null : h('a', { class: 'button', href: to('sessions') }, 'All sessions'), within),
      h('div', { class: 'sheet' }, h('table', { class: 'cards' }, h('thead', {}, h('tr', {}, heads, h('th', {}, h('span', { class: 'sr' }, 'Actions')))), body)),
      foot,
    ]
  }
})

const marks = { good: '✓', bad: '✕', look: '!', plain: '·' }

function attributes(cookies, open) {
  return cookies.map(({ secure, attributes }) => h('details', { open: secure === open }, h('summary', {}, secure ? 'On HTTPS' : 'On plain HTTP'),
    h('table', { class: 'said' }, h('tbody', {}, attributes.map(({ name, value, meaning, tone }) => h('tr', {},
      h('td', {}, h('strong', {}, name)), h('td', { class: 'mono small' }, value),
      h('td', { class: 'small' }, h('span', { class: 'tone-' + tone, 'aria-hidden': 'true' }, marks[tone] + ' '), prose(meaning))))))))
}

panels.set('session', (id) => {
  const box = h('div')
  put(main, [box])
  if (id === undefined) {
    greeted.then(() => { if (box.isConnected) fill(box, heading('One session', 'What it holds, what each request changed, and the cookie it lives in.'), state.description.place === 'cookie' ? inCookies() : recent()) })
    return
  }
  fill(box, h('p', { class: 'soft' }, 'Reading …'))
  greeted.then(() => show(box, ask('session', { id }), view))

  function recent() {
    const ids = [...new Set(state.entries.map((entry) => entry.id).filter(Boolean).reverse())].slice(0, 12)
    return h('div', { class: 'sheet' }, h('h2', {}, 'Lately seen'),
      ids.length ? h('ul', { class: 'plain' }, ids.map((id) => h('li', {}, sessionLink(id)))) : h('p', { class: 'soft' }, 'None yet.'),
      h('p', {}, 'Or choose one in the ', h('a', { href: to('sessions') }, 'list of sessions'), '.'))
  }

  function view(detail) {
    const { row, values, raw, timeline, cookies, permanent } = detail
    const { idle, lifetime } = state.description
    const end = h('button', { type: 'button', class: 'danger', onclick: () => revoke(end, id) }, 'Revoke')
    const title = [h('h1', {}, row?.user ? 'Session of ' + row.user : 'Session ' + short(id)),
      h('p', { class: 'lead' }, 'Record ', h('span', { class: 'mono' }, id), row?.label ? ', ' + row.label.slice(0, 120) : '')]
    const history = h('section', { class: 'sheet' }, h('h2', {}, 'What each request did'),
      timeline.length === 0 ? h('p', { class: 'soft' }, 'No request since ' + clock(state.since) + ', when this page began to watch.') :
      h('ol', { class: 'steps' }, timeline.map((seen) => h('li', { 'data-mark': '·', class: seen.error ? 'bad' : seen.changes.shown.length ? 'good' : '' },
        h('strong', {}, h('a', { href: to('why', seen.n) }, seen.route ?? '(no route)')),
        h('span', { class: 'soft small' }, clock(seen.at) + ', ' + took(seen.milliseconds) + ' '), eventChips(seen),
        seen.looked && seen.keys !== null ? diff(seen.changes) : null))))
    if (row === null) return [title, h('p', { class: 'note' }, state.description.bearerIds ? 'It has ended, or it was not in a list yet: here the ids of records are secrets, so a session is opened from the list of sessions.' : 'There is no such session any more: it has ended, or its time is over.'), history]
    const masked = JSON.stringify(values).includes('"masked":true')
    const reveal = h('button', { type: 'button', class: 'slim', onclick: () => show(box, act('reveal', { id }), view) }, 'Show what is masked')
    const idleLeft = idle === null ? null : [h('dt', {}, 'Idle time left'), h('dd', {}, span(row.expiresAt - now()) + ' of ' + span(idle), meter((row.expiresAt - now()) / idle))]
    return [title,
      h('div', { class: 'bar' }, end,
        row.user === null ? null : h('a', { class: 'button', href: to('sessions', row.user) }, 'All of ' + row.user),
        h('a', { class: 'button', href: to('race', id) }, 'Race a copy')),
      h('div', { class: 'split' },
        h('div', {},
          h('section', { class: 'sheet' }, h('h2', {}, 'Values'), values.parts.length ? tree(values) : h('p', { class: 'soft' }, 'It is empty.'),
            masked ? h('p', {}, h('br'), reveal, h('span', { class: 'soft small' }, ' This is told to the app as an event.')) : null),
          h('section', { class: 'sheet' }, h('h2', {}, 'As the store keeps it'),
            raw === null ? h('p', { class: 'soft' }, 'Not shown, because it holds what is masked or too much.') : h('pre', { tabindex: '0' }, raw)),
          h('section', { class: 'sheet' }, h('h2', {}, 'Its cookie'), attributes(cookies, location.protocol === 'https:'))),
        h('div', {},
          h('section', { class: 'sheet' }, h('h2', {}, 'Its time'), h('dl', { class: 'facts' },
            idleLeft, h('dt', {}, 'Lifetime left'), h('dd', {}, span(row.endsAt - now()) + ' of ' + span(lifetime), meter((row.endsAt - now()) / lifetime)),
            h('dt', {}, 'Created'), h('dd', {}, date(row.createdAt)), h('dt', {}, 'Last seen'), h('dd', {}, date(row.seenAt) + ', ' + ago(row.seenAt)),
            h('dt', {}, 'Permanent'), h('dd', {}, permanent ? 'yes: its cookie outlives the browser' : 'no: its cookie ends with the browser'),
            h('dt', {}, 'Size'), h('dd', {}, size(row.size) + ', ' + plural(row.keys ?? 0, 'key')))),
          history))]
  }
})
`
