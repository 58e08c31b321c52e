import http from 'node:http'
import express from 'express'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { expressSession } from '../../src/adapters/express.ts'
import { flaskCookie } from '../../src/flask/index.ts'
import { createSessions, type SessionEvent, type Sessions } from '../../src/index.ts'
import { inspect } from '../../src/inspector/index.ts'
import { newId } from '../../src/lib/id.ts'
import { memoryStore, type MemoryStore } from '../../src/stores/memory.ts'
import { listen } from '../adapters/servers.ts'
import { browserPath, launchBrowser } from '../real/chromium.ts'

type Loose = Record<string, any>

const secret = 'pW8m2N4xQv7Zr1Tk9Ys3Lb6Hd0Fg5JcA'

let browser: Browser
let page: Page
let store: MemoryStore
let sessions: Sessions<Loose>
let served: Awaited<ReturnType<typeof listen>>
let events: SessionEvent[]
let problems: string[]
/** What `/set` waits for before it answers; it is called when a request is there. */
let gate: () => Promise<void>

/** A visitor of the app, with one cookie. */
function visitor(label = ''): { go: (path: string, values?: object) => Promise<void>; cookie: string } {
  const self = {
    cookie: '',
    async go(path: string, values: object = {}) {
      const response = await fetch(served.origin + path, {
        method: 'POST',
        headers: { cookie: self.cookie, 'content-type': 'application/json', 'x-label': label },
        body: JSON.stringify(values),
      })
      await response.arrayBuffer()
      const [line] = response.headers.getSetCookie()
      if (line !== undefined) self.cookie = line.split(';')[0]!
    },
  }
  return self
}

const at = (hash: string): string => `${served.origin}/__sessions#/${hash}`

async function open(hash: string): Promise<void> {
  await page.goto(at(hash))
  await page.locator('#status.on').waitFor()
}

const rows = (): Promise<string[]> =>
  page.locator('ol.feed a.row, ol.feed div.row:not(.head)').allInnerTexts()

describe.skipIf(browserPath === null)('in Chromium', () => {
  beforeAll(async () => {
    browser = await launchBrowser()
  })
  afterAll(() => browser.close())

  beforeEach(async () => {
    events = []
    problems = []
    gate = () => Promise.resolve()
    store = memoryStore({ max: 20_000 })
    sessions = createSessions<Loose>({
      store,
      userOf: (data) => data['user'],
      onEvent: (event) => void events.push(event),
      maxBytes: 3_000_000,
    })
    const app = express()
    app.use('/__sessions', inspect(sessions, { secrets: { current: secret } }))
    app.use(express.json({ limit: '4mb' }))
    app.use(expressSession(sessions, { label: (request) => request.get('x-label') ?? '' }))
    app.post('/set', (request, response, next) => {
      Object.assign(request.session, request.body)
      gate()
        .then(() => response.send('done'))
        .catch(next)
    })
    app.post('/look', (request, response) => void response.send(String((request.session as Loose)['user'])))
    app.post('/logout', (request, response) => {
      request.session.destroy()
      response.send('bye')
    })
    app.post('/untouched', (_, response) => void response.send('hello'))
    served = await listen(http.createServer(app))
    page = await browser.newPage({ viewport: { width: 1200, height: 800 } })
    page.on('pageerror', (error) => problems.push(error.message))
    page.on('dialog', (dialog) => {
      problems.push(`dialog: ${dialog.message()}`)
      void dialog.dismiss()
    })
    page.on('console', (message) => {
      if (message.type() === 'error' && !/Failed to load resource/.test(message.text()))
        problems.push(message.text())
    })
    page.on('request', (request) => {
      if (!request.url().startsWith(served.origin) && !request.url().startsWith('data:'))
        problems.push(`asked ${request.url()}`)
    })
  })
  afterEach(async () => {
    await page.close()
    await served.close()
    expect(problems).toEqual([])
  })

  test('1 live: each request with what happened; pause, filter, kinds', async () => {
    await open('live')
    await page.getByText('Nothing yet').waitFor()
    const ann = visitor()
    await ann.go('/set', { user: 'ann' })
    await ann.go('/look')
    await ann.go('/untouched')
    let release = (): void => undefined
    const arrived = new Promise<void>((there) => {
      gate = () => {
        there()
        return new Promise((resolve) => (release = resolve))
      }
    })
    const late = ann.go('/set', { late: true })
    await arrived
    await ann.go('/logout')
    release()
    await late
    gate = () => Promise.resolve()
    const forger = visitor()
    forger.cookie = 'session=admin'
    await forger.go('/look')
    await page.getByText('rejected cookie').waitFor()
    const told = (await rows()).toReversed().map((text) => text.replace(/\s+/g, ' '))
    expect(told).toHaveLength(6)
    expect(told[0]).toMatch(/POST \/set created ann [\w-]{8} .* ms 1 call 14 B/)
    expect(told[1]).toMatch(/POST \/look read ann/)
    expect(told[2]).toMatch(/POST \/untouched not looked at/)
    expect(told[3]).toMatch(/POST \/logout read destroyed/)
    expect(told[4]).toMatch(/POST \/set read refused to revive/)
    expect(told[5]).toMatch(/POST \/look rejected cookie/)

    await page.getByRole('searchbox').fill('refused')
    expect(await rows()).toHaveLength(1)
    await page.getByRole('searchbox').fill('')
    await page.getByRole('button', { name: 'untouched' }).click()
    expect(await rows()).toHaveLength(5)
    await page.locator('body').press('p')
    await forger.go('/set', { user: 'bob' })
    await page.getByRole('button', { name: 'Resume (1 new)' }).waitFor()
    expect(await rows()).toHaveLength(5)
    await page.getByRole('button', { name: /Resume/ }).click()
    expect(await rows()).toHaveLength(6)
    await sessions.revokeUser('bob')
    await page.locator('ol.feed .chip', { hasText: 'revoked' }).waitFor()
  })

  test('2 sessions: a page at a time, sorted, found by user, revoked after a question', async () => {
    for (let n = 0; n < 30; n++) await visitor().go('/set', { user: n < 27 ? `user${n}` : 'ann', n })
    await open('sessions')
    await page.locator('tbody tr').nth(24).waitFor()
    expect(await page.locator('tbody tr').count()).toBe(25)
    await page.getByText('25 sessions so far').waitFor()
    await page.getByRole('button', { name: 'Load more' }).click()
    await page.getByText('30 sessions').waitFor()
    await page.getByRole('button', { name: 'User', exact: true }).click()
    expect(await page.locator('th[aria-sort]').innerText()).toBe('User')
    expect(await page.locator('tbody tr a').first().innerText()).toBe('user9')
    await page.getByLabel('Search the rows').fill('user1')
    expect(await page.locator('tbody tr').count()).toBe(11)
    await page.locator('body').press('Escape')
    await page.getByLabel('User', { exact: true }).fill('ann')
    await page.getByRole('button', { name: 'Find user' }).click()
    await page.getByText('3 sessions').waitFor()
    const revoke = page
      .locator('tbody tr')
      .first()
      .getByRole('button', { name: /Revoke/ })
    await revoke.click()
    await page.getByRole('button', { name: 'Keep' }).click()
    expect(await sessions.list('ann')).toHaveLength(3)
    await revoke.click()
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click()
    await page.getByText('Revoked').waitFor()
    expect(await sessions.list('ann')).toHaveLength(2)
    await page.getByRole('button', { name: 'Revoke all of ann' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke all' }).click()
    await page.getByText('This user has no session.').waitFor()
    expect(await sessions.list('ann')).toHaveLength(0)
    expect(events.filter(({ type }) => type === 'revoked')).toHaveLength(3)
    expect(events.flatMap((event) => (event.type === 'warning' ? [event.code] : []))).toEqual([
      'inspector_revoke',
      'inspector_revoke_user',
    ])
  })

  test('3 one session: values with types, raw text, cookie, time and a timeline; masked until revealed', async () => {
    await open('live')
    const ann = visitor()
    await ann.go('/set', { user: 'ann', cart: [{ item: 'pear' }], visits: 1 })
    await ann.go('/set', { visits: 2 })
    const { id } = (await sessions.list('ann'))[0]!
    await page.goto(at(`session/${id}`))
    await page.getByText('What each request did').waitFor()
    const text = await page.locator('main').innerText()
    expect(text).toContain('Session of ann')
    expect(text).toMatch(/visits: 2\s*number/)
    expect(text).toMatch(/item: pear\s*text/)
    expect(text).toContain('"visits":2')
    expect(text).toMatch(/visits: 1 → 2/)
    expect(text).toMatch(/SameSite\s+Lax/)
    expect(text).toContain('31 d')
    expect(text).not.toContain(ann.cookie.split('=')[1])

    await ann.go('/set', { api_token: 'hush-hush' })
    await page.reload()
    await page.getByText('text, masked').waitFor()
    expect(await page.content()).not.toContain('hush-hush')
    await page.getByRole('button', { name: 'Show what is masked' }).click()
    await page.getByText('"api_token":"hush-hush"').waitFor()
    expect(events.at(-1)).toMatchObject({ type: 'warning', code: 'inspector_reveal', id })

    await page.getByRole('button', { name: 'Revoke' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click()
    await page.getByText('Revoked').waitFor()
    await ann.go('/set', { late: true })
    expect(await sessions.peek(id)).toBeNull()
    await page.reload()
    await page.getByText('There is no such session any more').waitFor()
  })

  test('4 why: for the request that was clicked', async () => {
    await open('live')
    const ann = visitor()
    await ann.go('/set', { user: 'ann' })
    await ann.go('/look')
    const { id } = (await sessions.list('ann'))[0]!
    await sessions.revoke(id)
    await ann.go('/look')
    await page.locator('a.row', { hasText: 'unknown id' }).click()
    await page.getByText('Was the record found?').waitFor()
    expect(await page.locator('main').innerText()).toMatch(/No record has this id any more: it was revoked/)
    await page.getByRole('combobox').selectOption({ index: 2 })
    await page.getByText('became a record').waitFor()
    expect(await page.locator('main').innerText()).toContain('Yes: the session is new.')
  })

  test('5 race lab: both ways, drawn; on a copy, which leaves the session as it was', async () => {
    await open('race')
    await page.locator('.race svg').nth(1).waitFor()
    const verdicts = (): Promise<string[]> => page.locator('.verdict').allInnerTexts()
    expect((await verdicts()).map((text) => text.replace(/\s+/g, ' '))).toEqual([
      '✕ An update is lost. It should be visits: 6.',
      '✓ Both requests count.',
    ])
    expect(await page.locator('.race svg').nth(1).textContent()).toContain(
      'another version: refused'.split(' ')[0],
    )
    const ann = visitor()
    await ann.go('/set', { user: 'ann', visits: 41 })
    const { id } = (await sessions.list('ann'))[0]!
    const before = await sessions.peek(id)
    await page.goto(at(`race/${id}`))
    await page.getByText('visits: 43').first().waitFor()
    await page.getByRole('button', { name: 'Log out, then a late save' }).click()
    await page.getByText('alive again').waitFor()
    await page.getByLabel('What A does').selectOption('push')
    await page.getByLabel('Key').first().fill('<img src=x onerror=alert(1)>')
    await page.getByLabel('Value').first().fill('"<script>alert(1)</script>"')
    await page.getByLabel('What B does').selectOption('set')
    await page.getByLabel('Key').nth(1).fill('visits')
    await page.getByRole('button', { name: 'Run the race' }).click()
    await page.getByText('onerror').first().waitFor()
    expect(await sessions.peek(id)).toEqual(before)
    await page.setViewportSize({ width: 360, height: 700 })
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360)
  })

  test('6 decoder: what a cookie is, and whose secret verifies it', async () => {
    const flask = createSessions<Loose>({ codec: flaskCookie({ secret }) })
    const visit = await flask.open(undefined, { secure: false })
    Object.assign(visit.session, { username: 'ann', password: 'hunter2' })
    const { setCookie } = await visit.close()
    await open('decoder')
    await page.getByLabel('A cookie').fill(`Set-Cookie: ${setCookie}`)
    await page.getByRole('button', { name: 'Decode' }).click()
    await page.getByText('by the secret current').waitFor()
    const text = await page.locator('main').innerText()
    expect(text).toContain('Flask: a signed session')
    expect(text).toContain('username: ann')
    expect(text).not.toContain('hunter2')
    const ann = visitor()
    await ann.go('/set', { user: 'ann' })
    await page.getByLabel('A cookie').fill(ann.cookie)
    await page.getByRole('button', { name: 'Decode' }).click()
    await page.getByRole('link', { name: (await sessions.list('ann'))[0]!.id }).click()
    await page.getByText('Session of ann').waitFor()
  })

  test('7 health: the store, the largest sessions, and what deserves a look', async () => {
    await open('health')
    await visitor().go('/set', { user: 'ann', note: 'x'.repeat(3_000) })
    await page.reload()
    await page.getByText('no idle timeout').waitFor()
    const text = await page.locator('main').innerText()
    expect(text).toMatch(/Store\s+answers/)
    expect(text).toMatch(/create\s+1\s+0\s+at once/)
    expect(text).toContain('a memory store')
    expect(text).toMatch(/3\.0 kB/)
  })

  test('breaks no word of a heading, a button or a cookie’s attributes, and never goes over the edge', async () => {
    const agent =
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36'
    const user = 'ann.of.a.long.company.name@example.org'
    const ann = visitor(agent)
    await ann.go('/set', { user, visits: 1 })
    await ann.go('/set', { visits: 2 })
    const { id } = (await sessions.list(user))[0]!
    for (const [hash, ready] of [
      ['sessions', 'tbody tr a'],
      [`session/${id}`, 'text=What each request did'],
      [`sessions/${user}`, 'tbody tr a'],
      ['health', 'text=Slowest'],
      ['race', '.verdict'],
    ]) {
      await open(hash!)
      await page.locator(ready!).first().waitFor()
      for (const width of [360, 1000, 1200]) {
        await page.setViewportSize({ width, height: 800 })
        const shown = await page.evaluate(`({
          over: document.documentElement.scrollWidth - innerWidth,
          broken: [...document.querySelectorAll('th, button, table.said td')].flatMap((el) => {
            const walk = document.createTreeWalker(el, NodeFilter.SHOW_TEXT)
            const found = []
            for (let text = walk.nextNode(); text !== null; text = walk.nextNode())
              for (const { 0: word, index } of text.data.matchAll(/\\S+/g)) {
                const range = document.createRange()
                range.setStart(text, index)
                range.setEnd(text, index + word.length)
                // A line may end at a hyphen, and a user's name may be longer than a line.
                if (!/[-@]/.test(word) && new Set([...range.getClientRects()].map(({ top }) => top)).size > 1) found.push(word)
              }
            return found
          }),
        })`)
        expect(shown, `${hash} at ${width}`).toEqual({ over: 0, broken: [] })
      }
    }
  })

  test('an address that was cut off is no blank page', async () => {
    await open('session/%E0%A4')
    await page.getByText('There is no such session any more').waitFor()
  })

  test('without scripts it says that it needs them', async () => {
    const plain = await browser.newContext({ javaScriptEnabled: false })
    const silent = await plain.newPage()
    await silent.goto(at(''))
    expect(await silent.locator('noscript').innerText()).toContain('takes JavaScript')
    await plain.close()
  })

  test('the keyboard stays where it was, or in the panel, when a session is revoked', async () => {
    const focused = (): Promise<unknown> =>
      page.evaluate('document.activeElement.textContent.slice(0, 7) + document.activeElement.tagName')
    for (let n = 0; n < 2; n++) await visitor().go('/set', { user: 'ann', n })
    await open('sessions/ann')
    const revoke = page
      .locator('tbody tr')
      .first()
      .getByRole('button', { name: /Revoke/ })
    await revoke.focus()
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).focus()
    await page.keyboard.press('Enter')
    await page.getByText('Revoked').waitFor()
    expect(await focused()).toBe('RevokedBUTTON')
    await page.keyboard.press('Enter')
    expect(await page.getByRole('dialog').count()).toBe(0)
    await page.getByRole('button', { name: 'Revoke all of ann' }).focus()
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke all' }).focus()
    await page.keyboard.press('Enter')
    await page.getByText('This user has no session.').waitFor()
    expect(await focused()).toMatch(/MAIN$/)
  })

  test('live tells in words why a store failed, and shows no raw backquote', async () => {
    await open('live')
    store.get = () => {
      throw Object.assign(new Error('redis://:hunter2@10.0.0.1'), { code: 'ECONNREFUSED' })
    }
    const ann = visitor()
    ann.cookie = `session=${newId()}`
    await ann.go('/look')
    await sessions.peek('A'.repeat(43)).catch(() => {})
    await page.locator('ol.feed .row code').first().waitFor()
    const said = await page.locator('ol.feed').innerText()
    expect(said).toContain('get failed: The session store failed in get (ECONNREFUSED)')
    expect(await page.locator('ol.feed').evaluate((list) => list.outerHTML)).not.toMatch(/`|hunter2/)
  })

  describe('attacked', () => {
    const hostile = [
      '<script>document.title = "ran"</script>',
      '"><svg onload=alert(1)>',
      '</script><script>alert(1)</script>',
      'javascript:alert(1)',
      '{{7*7}}${7*7}',
      '\u2028\u2029\u202e\u0000\u001b[31m',
      '<img src=x onerror=alert(1)>',
    ]

    test('script in values, keys, users and routes runs nowhere', async () => {
      await open('live')
      const mallory = visitor()
      await mallory.go('/set', {
        user: hostile[0],
        ...Object.fromEntries(hostile.map((text) => [text, { [text]: [text] }])),
        constructor: { prototype: 1 },
      })
      await fetch(`${served.origin}/${encodeURIComponent(hostile[1]!)}`, {
        headers: { cookie: mallory.cookie },
      })
      await mallory.go('/look')
      const { id } = (await sessions.list(hostile[0]!))[0]!
      await page.locator('a.row').nth(2).waitFor()
      for (const [hash, ready] of [
        ['sessions', 'tbody tr a'],
        [`session/${id}`, 'text=What each request did'],
        [`sessions/${encodeURIComponent(hostile[0]!)}`, 'tbody tr a'],
        ['why', '.steps li'],
        [`race/${id}`, '.verdict'],
        ['health', 'text=Settings'],
        ['live', 'a.row'],
      ]) {
        await page.goto(at(hash!))
        await page.locator(ready!).first().waitFor()
        expect(await page.title()).toBe('hipflask: sessions')
        expect(
          await page.locator('main script, main img, main iframe, main [onload], main [onerror]').count(),
        ).toBe(0)
      }
      await page.goto(at(`session/${id}`))
      await page.getByText(hostile[4]!).first().waitFor()
      expect(await page.locator('main').innerText()).toContain(hostile[2])
    })

    test('one megabyte in a value, and ten thousand sessions, are shown in part', async () => {
      const store = visitor()
      await store.go('/set', {
        user: 'big',
        text: 'x'.repeat(1_000_000),
        list: Array.from({ length: 50_000 }, (_, i) => i),
      })
      for (let n = 0; n < 10_000; n++) {
        const visit = await sessions.open(undefined, { secure: false })
        visit.session.set('n', n)
        await visit.close()
      }
      await open('sessions')
      await page.locator('tbody tr').nth(24).waitFor()
      expect(await page.locator('tbody tr').count()).toBe(25)
      const { id } = (await sessions.list('big'))[0]!
      await page.goto(at(`session/${id}`))
      await page.getByText('1000000 characters, the first 2000 shown').waitFor()
      await page.locator('summary', { hasText: 'list of 50000' }).click()
      await page.getByText('49900 more not shown').waitFor()
      expect((await page.content()).length).toBeLessThan(200_000)
    })

    test('another site can neither ask, frame nor post', async () => {
      const ann = visitor()
      await ann.go('/set', { user: 'ann' })
      const { id } = (await sessions.list('ann'))[0]!
      const evil = await listen(
        http.createServer((_, response) => {
          response.setHeader('content-type', 'text/html')
          response.end(`<iframe src="${served.origin}/__sessions"></iframe>
            <form id=f method=post action="${served.origin}/__sessions/_ask/revoke" target=t><input name=id value="${id}"></form><iframe name=t></iframe>`)
        }),
      )
      const other = await browser.newPage()
      try {
        await other.goto(evil.origin.replace('127.0.0.1', 'localhost'))
        await other.evaluate('document.getElementById("f").submit()')
        const outcomes = await other.evaluate(
          `Promise.all(['', '/_ask/health', '/_ask/feed'].map((path) =>
            fetch(${JSON.stringify(`${served.origin}/__sessions`)} + path).then((r) => 'read ' + r.status, () => 'refused')))`,
        )
        expect(outcomes).toEqual(['refused', 'refused', 'refused'])
        for (const frame of other.frames().slice(1))
          expect(await frame.content()).not.toContain('hipflask: sessions')
      } finally {
        await other.close()
        await evil.close()
      }
      expect(await sessions.list('ann')).toHaveLength(1)
      expect(events.map(({ type }) => type)).toEqual(['created'])
    })
  })
})
