// Makes docs/images/*.png: an app with real visitors, its inspector in Chromium, one picture of each panel.
import { once } from 'node:events'
import { existsSync, mkdirSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import express from 'express'
import { chromium } from 'playwright-core'
import { createSessions } from 'hipflask'
import { expressSession } from 'hipflask/express'
import { flaskCookie } from 'hipflask/flask'
import { inspect } from 'hipflask/inspector'
import { memoryStore } from 'hipflask/stores/memory'

const images = path.join(path.dirname(import.meta.dirname), 'docs/images')
const browserPath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  existsSync,
)
const secrets = {
  current: 'pW8m2N4xQv7Zr1Tk9Ys3Lb6Hd0Fg5JcA',
  'last year': 'aJ5gF0dH6bL3sY9kT1rZ7vQx4N2m8WpC',
}

/** A memory store that takes its time, as one behind a network does. */
function distant(inner) {
  const after = (call) =>
    async function (...args) {
      await pause(1 + Math.random() * 3)
      return inner[call](...args)
    }
  const calls = ['get', 'create', 'update', 'rotate', 'touch', 'delete', 'list', 'page', 'gc']
  return {
    ...inner,
    immediate: false,
    ...Object.fromEntries(calls.map((call) => [call, after(call)])),
  }
}

const sessions = createSessions({
  store: distant(memoryStore({ max: 1000 })),
  userOf: (data) => data.user,
  idle: '2 hours',
  lifetime: '14 days',
  maxPerUser: 3,
})

const app = express()
app.use('/__sessions', inspect(sessions, { secrets }))
app.use(expressSession(sessions, { label: (req) => req.get('user-agent') ?? '' }))
app.use(express.urlencoded())
app.get('/', (req, res) => {
  req.session.update('visits', (n = 0) => n + 1)
  res.send('home')
})
app.get('/about', (_req, res) => res.send('about'))
app.get('/account', (req, res) => res.send(`account of ${req.session.user ?? 'nobody'}`))
app.post('/login', (req, res) => {
  Object.assign(req.session, { user: req.body.user, csrf_token: 'f3a1c9d27b', since: new Date() })
  res.redirect('/')
})
app.post('/cart', (req, res) => {
  req.session.update('cart', (cart = []) => [...cart, { item: req.body.item, price: Number(req.body.price) }])
  setTimeout(() => res.redirect('/'), Number(req.body.wait ?? 0))
})
app.post('/settings', (req, res) => {
  req.session.settings = { theme: req.body.theme, languages: new Set(['en', 'de']), newsletter: false }
  setTimeout(() => res.redirect('/'), Number(req.body.wait ?? 0))
})
app.post('/logout', (req, res) => {
  req.session.destroy()
  res.redirect('/')
})

const server = app.listen(0, '127.0.0.1')
await once(server, 'listening')
const origin = `http://127.0.0.1:${server.address().port}`

function visitor(agent) {
  let cookie = ''
  return {
    get cookie() {
      return cookie
    },
    set cookie(value) {
      cookie = value
    },
    async go(path, form) {
      const response = await fetch(origin + path, {
        method: form === undefined ? 'GET' : 'POST',
        headers: { cookie, 'user-agent': agent },
        body: form && new URLSearchParams(form),
        redirect: 'manual',
      })
      await response.arrayBuffer()
      for (const line of response.headers.getSetCookie()) cookie = line.split(';')[0]
    },
  }
}

async function traffic() {
  const people = ['ann', 'bob', 'chiara', 'dmitri', 'emeka'].map((user, i) => ({
    user,
    browser: visitor(['Firefox 145 on Linux', 'Safari 19 on iPhone', 'Chrome 143 on Windows'][i % 3]),
  }))
  for (const { user, browser } of people) {
    await browser.go('/')
    await browser.go('/login', { user })
    await browser.go('/cart', { item: 'apple', price: '0.80' })
    await pause(120)
  }
  const [ann, bob, chiara] = people.map(({ browser }) => browser)
  await bob.go('/about')
  await visitor('curl').go('/account')
  await Promise.all([
    ann.go('/cart', { item: 'pear', price: '1.20', wait: '80' }),
    ann.go('/settings', { theme: 'dark', wait: '30' }),
  ])
  const late = chiara.go('/cart', { item: 'plum', price: '0.60', wait: '120' })
  await pause(30)
  await chiara.go('/logout', {})
  await late
  const forger = visitor('curl')
  forger.cookie = 'session=admin'
  await forger.go('/account')
  await bob.go('/')
  await ann.go('/')
  return { ann }
}

const browser = await chromium.launch({
  executablePath: browserPath,
  args: [
    ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
    ...[
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--font-render-hinting=none',
    ],
  ],
})
mkdirSync(images, { recursive: true })
try {
  const page = await browser.newPage({ viewport: { width: 1200, height: 800 }, deviceScaleFactor: 1.5 })
  page.on('pageerror', (error) => {
    throw error
  })
  const open = async (panel, ready) => {
    await page.goto(`${origin}/__sessions#/${panel}`)
    await page.locator(ready).first().waitFor()
    await pause(2500)
  }
  const shoot = (name, options = {}) =>
    page.screenshot({ path: path.join(images, `${name}.png`), fullPage: true, ...options })
  await open('live', '#status.on')
  await traffic()
  await page.getByText('refused to revive').first().waitFor()
  await pause(2000)
  await shoot('live')
  await page.emulateMedia({ colorScheme: 'dark' })
  await shoot('live-dark')
  await page.emulateMedia({ colorScheme: 'light' })
  const merged = await page.locator('a.row', { hasText: 'merged' }).first().getAttribute('href')
  await open('sessions', 'tbody tr td a')
  await shoot('sessions')
  const ann = await page.locator('tbody tr a', { hasText: 'ann' }).first().getAttribute('href')
  await open(ann.slice(2), 'text=What each request did')
  await shoot('session')
  await open(merged.slice(2), 'text=Was a cookie set?')
  await shoot('why')
  await page.setViewportSize({ width: 1040, height: 1000 })
  await open('race', '.verdict')
  for (const [colorScheme, name] of [
    ['dark', 'race-lab-dark'],
    ['light', 'race-lab'],
  ]) {
    await page.emulateMedia({ colorScheme })
    const { x, y, width, height } = await page.locator('.race').boundingBox()
    const clip = { x: x - 16, y: y - 16, width: width + 32, height: height + 32 }
    await shoot(name, { clip })
  }
  await page.setViewportSize({ width: 1200, height: 800 })
  await open('decoder', 'textarea')
  const flask = createSessions({ codec: flaskCookie({ secret: secrets['last year'] }) })
  const visit = await flask.open(undefined, { secure: false })
  Object.assign(visit.session, {
    username: 'ann',
    visits: 12,
    seen: new Date(),
    basket: ['apple', 'pear'],
    csrf_token: 'f3a1c9d27b',
  })
  const { setCookie } = await visit.close()
  await page.locator('textarea').fill(setCookie)
  await page.getByRole('button', { name: 'Decode' }).click()
  await page.getByText('by the secret').waitFor()
  await shoot('decoder')
  await open('health', 'text=Settings')
  await shoot('health')
  await page.setViewportSize({ width: 360, height: 740 })
  for (const [panel, ready] of [
    ['live', 'a.row'],
    ['sessions', 'tbody tr td a'],
    [ann.slice(2), 'text=What each request did'],
    ['race', '.verdict'],
    ['health', 'text=Settings'],
  ]) {
    if (!process.argv.includes('--narrow')) break
    await open(panel, ready)
    await shoot(`narrow-${panel.split('/')[0]}`)
  }
} finally {
  await browser.close()
  server.closeAllConnections()
  server.close()
}
