/** Panels 6 and 7: the decoder of cookies, and the state of store and settings. */
export const healthScript: string = /* js */ String.raw`
panels.set('decoder', () => {
  const out = h('div', { 'aria-live': 'polite' })
  const text = h('textarea', { 'aria-label': 'A cookie', placeholder: 'A cookie’s value, a name=value pair, or a whole Set-Cookie line', spellcheck: 'false', autocomplete: 'off' })
  put(main, [heading('Cookie decoder', 'Reads cookies of hipflask, Flask, itsdangerous, express-session, cookie-session, iron-session and JWTs. What you paste stays in this process and is kept nowhere.'),
    h('form', { class: 'sheet', onsubmit: (event) => { event.preventDefault(); if (text.value.trim() !== '') show(out, act('decode', { pasted: text.value.slice(0, 8192) }), view) } },
      text, h('div', { class: 'bar' }, h('button', { class: 'main' }, 'Decode'),
        h('span', { class: 'soft small', id: 'tried' }))), out])
  greeted.then(() => { const tried = document.getElementById('tried'); if (tried) fill(tried, state.secrets.length ? 'Tries ' + state.secrets.join(', ') + '.' : prose('No secret is tried: give the inspector ${'`'}secrets${'`'} to verify signatures.')) })
  function view({ format, facts, values, secret, verifiable, record }) {
    const verified = !verifiable ? null : secret !== null ? [h('dt', {}, 'Verified'), h('dd', { class: 'tone-good' }, '✓ by the secret ', h('strong', {}, secret))]
      : [h('dt', {}, 'Verified'), h('dd', { class: state.secrets.length ? 'tone-bad' : 'soft' }, state.secrets.length ? '✕ by none of the secrets: it may be forged' : 'not checked: no secrets given')]
    return [h('section', { class: 'sheet' }, h('h2', {}, format), h('dl', { class: 'facts' }, facts.map(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]), verified,
      record === null ? null : [h('dt', {}, 'Record'), h('dd', {}, h('a', { href: to('session', record), class: 'mono' }, record))])),
      values === null ? null : h('section', { class: 'sheet' }, h('h2', {}, 'Contents'), values.parts ? tree(values) : h('pre', {}, values.text))]
  }
})

panels.set('health', () => {
  const box = h('div')
  put(main, [heading('Health', 'What the store calls of this process did, and which settings deserve a look.'), box])
  const load = () => show(box, ask('health'), view)
  greeted.then(load)
  const timer = setInterval(() => { if (!document.hidden && !box.contains(document.activeElement)) load() }, 3000)
  return () => clearInterval(timer)

  function tile(label, value, tone) { return h('div', { class: 'sheet' }, h('span', { class: 'soft small' }, label), h('b', { class: tone ? 'tone-' + tone : '' }, value)) }
  function view({ health, advice, largest, counts, since }) {
    const { description } = state
    const calls = Object.entries(health.store)
    const slowest = Math.max(...calls.map(([, call]) => call.slowestLatency ?? 0), 0.001)
    const biggest = Math.max(...largest.map(({ bytes }) => bytes), 1)
    const cookie = location.protocol === 'https:' ? description.cookie.secure : description.cookie.plain
    return [
      h('div', { class: 'tiles' },
        tile('Store', health.breaker === null ? 'none' : health.ok ? 'answers' : 'fails', health.ok ? 'good' : 'bad'),
        tile('Breaker', health.breaker ?? 'none', health.breaker === 'open' ? 'bad' : ''),
        tile('Conflicts healed', health.merged), tile('Last error', health.lastError ? ago(health.lastError.at) : 'none', health.lastError ? 'look' : '')),
      h('div', { class: 'columns' },
        h('section', { class: 'sheet' }, h('h2', {}, 'What deserves a look'), advice.length === 0 ? h('p', { class: 'tone-good' }, '✓ Nothing.') :
          h('ul', { class: 'plain' }, advice.map(({ code, message }) => h('li', {}, h('span', { class: 'chip look' }, code.replaceAll('_', ' ')), ' ', prose(message))))),
        h('section', { class: 'sheet' }, h('h2', {}, 'Store calls'), calls.length === 0 ? h('p', { class: 'soft' }, 'None yet.') :
          h('table', {}, h('thead', {}, h('tr', {}, ['Call', 'Count', 'Failed', 'Median', 'Slowest of 256'].map((name) => h('th', { scope: 'col' }, name)))),
            h('tbody', {}, calls.map(([name, call]) => h('tr', {}, h('td', {}, h('code', {}, name)), h('td', { class: 'n' }, call.calls),
              h('td', { class: 'n ' + (call.failures ? 'tone-bad' : '') }, call.failures), h('td', { class: 'n' }, call.medianLatency === null ? 'at once' : took(call.medianLatency)),
              h('td', { class: 'n' }, call.slowestLatency === null ? 'at once' : [took(call.slowestLatency), meter(call.slowestLatency / slowest)]))))),
          health.lastError ? h('p', { class: 'small tone-look' }, health.lastError.code + ', ' + date(health.lastError.at)) : null),
        h('section', { class: 'sheet' }, h('h2', {}, 'What happened since ' + clock(since ?? now())), Object.keys(counts).length === 0 ? h('p', { class: 'soft' }, 'Nothing.') :
          h('div', { class: 'chips' }, Object.entries(counts).sort((a, b) => b[1] - a[1]).map(([type, count]) => h('span', { class: 'chip ' + (tones[type] ?? '') }, (names[type] ?? type) + ' ' + count)))),
        h('section', { class: 'sheet' }, h('h2', {}, 'Largest sessions seen'), largest.length === 0 ? h('p', { class: 'soft' }, 'None was written yet.') :
          h('div', { class: 'calls' }, largest.map(({ id, bytes }) => [sessionLink(id), meter(bytes / biggest), h('span', { class: 'soft' }, size(bytes))])),
          h('p', { class: 'soft small' }, h('br'), 'At most ' + size(description.maxBytes) + ' each.')),
        h('section', { class: 'sheet' }, h('h2', {}, 'Settings'), h('dl', { class: 'facts' }, [
          ['Sessions live in', description.place === 'store' ? (description.kind ? 'a ' + description.kind + ' store' : 'a store') : 'cookies'],
          ['Lifetime', span(description.lifetime)], ['Idle timeout', description.idle === null ? 'none' : span(description.idle)],
          ['Cookie', cookie.name + cookie.domain + cookie.tail], ['Users', description.users ? 'known by ' + 'userOf' + (description.maxPerUser ? ', at most ' + description.maxPerUser + ' sessions each' : '') : 'not told (no userOf)'],
          ['Same key twice', description.onClash === 'mine' ? 'the later value stands' : description.onClash === 'theirs' ? 'the earlier value stands' : 'the app decides'],
          ['Store fails', description.onStoreError === 'fail' ? 'the request fails' : 'the visitor is anonymous'], ['Deadline', span(description.deadline)],
          ['Schema', description.schema ?? 'none'],
        ].map(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]))))]
  }
})
`
