import path from 'node:path'
import type { BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createSessions } from '../../src/index.ts'
import { fileStore } from '../../src/stores/file.ts'
import { browserPath } from '../real/chromium.ts'
import { type House, openHouse } from './house.ts'
import { follow, goBack, heading, logOut, ready, send, tab, where, wrong } from './visitors.ts'

const strange = {
  quotes: `O'Brien "the \`quoted\`" \\ & Sons`,
  'a script': `<script>document.title='broken'</script><b>hi`,
  'a template': '{{ 7 * 7 }}{% include "style.css" %}',
  emoji: '👩‍👩‍👧‍👦 🏳️‍🌈 Zoë 李',
}
const strangely = Object.entries(strange)
const endless = '😀'.repeat(2_560) // 10 KB
const unfit = [
  ['an empty', ''],
  ['a blank', ' \t '],
  ['an endless', endless],
] as const

describe.skipIf(browserPath === null)('the examples, each with two visitors', () => {
  let house: House
  let one: BrowserContext
  let two: BrowserContext

  beforeAll(async () => {
    house = await openHouse('apps')
  })

  afterAll(() => house?.close())

  beforeEach(async () => {
    one = await house.browser.newContext()
    two = await house.browser.newContext()
  })

  afterEach(async () => {
    await one.close()
    await two.close()
  })

  const open = (visitor: BrowserContext, app: keyof House['at'], route = ''): Promise<Page> =>
    tab(visitor, `${house.at[app]}${route}`)

  describe('username', () => {
    it('greets each visitor by that visitor’s name, after a reload and in a new tab too', async () => {
      const mine = await open(one, 'username')
      const theirs = await open(two, 'username')
      expect(await heading(mine)).toBe('No username yet')
      await send(mine, { Username: 'Ada' })
      expect([where(mine), await heading(mine)]).toEqual(['/', 'Hello, Ada!'])
      await theirs.reload()
      expect(await heading(theirs)).toBe('No username yet')
      await send(theirs, { Username: 'Bob' })
      await mine.reload()
      expect(await heading(mine)).toBe('Hello, Ada!')
      expect(await heading(await open(one, 'username'))).toBe('Hello, Ada!')
      expect(await heading(theirs)).toBe('Hello, Bob!')
    })

    it('gives out a cookie that ends with the browser and that scripts cannot read, and none before', async () => {
      const page = await open(one, 'username')
      expect(await one.cookies()).toEqual([])
      await send(page, { Username: 'Ada' })
      expect(await one.cookies()).toMatchObject([
        { name: 'username_session', httpOnly: true, sameSite: 'Lax', expires: -1, path: '/' },
      ])
      expect(await page.evaluate('document.cookie')).toBe('')
    })

    it.each(strangely)('shows a name with %s as it is', async (_, name) => {
      const page = await open(one, 'username')
      await send(page, { Username: name })
      expect(await heading(page)).toBe(`Hello, ${name}!`)
      expect(await page.title()).toBe('Username')
      expect(await page.locator('main script, main b').count()).toBe(0)
    })

    it.each(unfit)('stores nothing for %s name, and says why', async (_, name) => {
      const page = await open(one, 'username')
      await send(page, { Username: name })
      expect(await wrong(page)).toEqual([
        name === endless
          ? 'That is 2,560 characters long; 100 is the most for a username.'
          : 'Please enter a username.',
      ])
      const field = page.getByLabel('Username')
      expect(await field.getAttribute('aria-describedby')).toBe(
        await page.locator('.wrong').getAttribute('id'),
      )
      await ready(page)
      expect(await page.evaluate('document.activeElement.id')).toBe(await field.getAttribute('id'))
      expect(await field.inputValue()).toBe(name.trim())
      expect(await one.cookies()).toEqual([])
    })

    it('refuses a form of a megabyte with a page, and stays up', async () => {
      const response = await one.request.post(`${house.at.username}set_session`, {
        form: { username: 'x'.repeat(1_000_000) },
      })
      expect(response.status()).toBe(413)
      expect(await response.text()).toContain('too much for one form')
      expect(await heading(await open(one, 'username'))).toBe('No username yet')
    })
  })

  describe('form', () => {
    it('carries both answers to the next page, for that visitor alone', async () => {
      const mine = await open(one, 'form')
      await send(mine, { Name: 'Ada', Email: 'ada@example.org' })
      expect([where(mine), await mine.title(), await heading(mine)]).toEqual([
        '/show',
        'Form Test Show',
        'User:',
      ])
      expect(await mine.getByRole('heading', { level: 2 }).allInnerTexts()).toEqual([
        'Ada',
        'ada@example.org',
      ])
      expect(where(await open(two, 'form', 'show'))).toBe('/')
      expect(await mine.reload().then(() => heading(mine))).toBe('User:')
    })

    it.each(strangely)('shows answers with %s as they are', async (_, answer) => {
      const page = await open(one, 'form')
      await send(page, { Name: answer, Email: answer })
      expect(await page.getByRole('heading', { level: 2 }).allInnerTexts()).toEqual([answer, answer])
    })

    it('stores nothing when one answer is missing, and keeps the other one in the form', async () => {
      const page = await open(one, 'form')
      await send(page, { Name: 'Ada', Email: '' })
      expect(await wrong(page)).toEqual(['Please enter an email address.'])
      expect(await page.getByLabel('Name').inputValue()).toBe('Ada')
      await send(page, { Name: endless, Email: endless })
      expect(await wrong(page)).toHaveLength(2)
      expect(await one.cookies()).toEqual([])
    })

    it('refuses a form of two megabytes with a page', async () => {
      const response = await one.request.post(`${house.at.form}users`, {
        form: { name: 'x'.repeat(2_000_000) },
      })
      expect([response.status(), response.headers()['content-type']]).toEqual([
        413,
        'text/html; charset=utf-8',
      ])
    })
  })

  describe('lists', () => {
    const items = (text: string): string[] => [...text.matchAll(/<li>(.*?)<\/li>/g)].map(([, item]) => item!)

    it('shows everybody the shared list, and each visitor a list of their own', async () => {
      const mine = await open(one, 'lists')
      const theirs = await open(two, 'lists')
      await send(mine, { 'New item': 'bread' })
      await send(theirs, { 'New item': 'milk' })
      await mine.reload()
      expect(items(await mine.content())).toEqual(['bread', 'milk'])
      expect(items(await theirs.content())).toEqual(['bread', 'milk'])
      expect([await one.cookies(), await two.cookies()]).toEqual([[], []])

      await follow(mine, () => mine.getByRole('link', { name: 'Your list' }).click())
      await theirs.goto(`${house.at.lists}session`)
      await send(mine, { 'New item': 'a present for Bob' })
      await theirs.reload()
      expect(items(await theirs.content())).toEqual([])
      await send(theirs, { 'New item': strange['a script'] })
      await mine.reload()
      expect(items(await mine.content())).toEqual(['a present for Bob'])
      expect(await theirs.getByRole('listitem').allInnerTexts()).toEqual([strange['a script']])
    })

    it('keeps every one of many additions at the same moment, even in two processes', async () => {
      await send(await open(one, 'lists', 'session'), { 'New item': 'first' })
      const cookie = (await one.cookies()).map(({ name, value }) => `${name}=${value}`).join()
      const second = house.startAlone('lists')
      await second.printed(/Ctrl-C/)
      const processes = [house.at.lists, /http:\S+/.exec(second.stdout())![0]]
      const wanted = Array.from({ length: 60 }, (_, i) => `item ${i}`)
      const answers = await Promise.all(
        wanted.map((item, i) => add(processes[i % 2]!, 'session', item, cookie)),
      )
      second.interrupt()
      await second.ended
      expect(answers.map(({ status }) => status)).toEqual(wanted.map(() => 302))
      const page = await fetch(`${house.at.lists}session`, { headers: { cookie } })
      const kept = items(await page.text())
      expect(kept[0]).toBe('first')
      expect(kept.slice(1).toSorted()).toEqual(wanted.toSorted())
    })

    const longest = '😀'.repeat(60)
    const full = 'This list is full: 1000 items are the most.'

    it('takes a thousand of the longest items from a visitor, and not one more', async () => {
      // A session as if 999 had been added, made where the example keeps its own.
      const store = fileStore(path.join(house.directory, 'lists'))
      const visit = await createSessions<{ items: string[] }>({ store }).open(undefined, { secure: false })
      visit.session.items = Array.from({ length: 999 }, () => longest)
      const cookie = (await visit.close()).setCookie!.replace('session=', 'lists_session=').split(';')[0]!
      const answers = await Promise.all([0, 1, 2].map(() => add(house.at.lists, 'session', longest, cookie)))
      expect(answers.every(({ status }) => status === 302 || status === 422)).toBe(true)
      const refused = await add(house.at.lists, 'session', 'one more', cookie)
      expect([refused.status, (await refused.text()).includes(full)]).toEqual([422, true])
      const page = await fetch(`${house.at.lists}session`, { headers: { cookie } })
      expect(items(await page.text())).toHaveLength(1000)
    })

    it('takes a thousand items from all, and not one more', async () => {
      for (let round = 0; round < 40; round++) {
        const answers = await Promise.all(Array.from({ length: 30 }, () => add(house.at.lists, '', 'tea')))
        if (answers.some(({ status }) => status === 422)) break
      }
      const refused = await add(house.at.lists, '', 'one more')
      expect([refused.status, (await refused.text()).includes(full)]).toEqual([422, true])
      expect(items(await (await fetch(house.at.lists)).text())).toHaveLength(1000)
    })

    function add(address: string, route: string, item: string, cookie = ''): Promise<Response> {
      const body = new URLSearchParams({ item })
      return fetch(`${address}${route}`, {
        method: 'POST',
        body,
        redirect: 'manual',
        headers: { cookie },
      })
    }

    it.each(unfit)('takes no item with %s text', async (_, item) => {
      for (const route of ['', 'session']) {
        const page = await open(one, 'lists', route)
        await send(page, { 'New item': item })
        expect(await wrong(page)).toHaveLength(1)
      }
      expect(await one.cookies()).toEqual([])
    })
  })

  describe('profile', () => {
    it('logs in with a signed cookie of seven days, and out again', async () => {
      const page = await open(one, 'profile', 'profile')
      expect(where(page)).toBe('/login')
      await send(page, { Username: 'Ada' })
      expect([where(page), await heading(page)]).toEqual(['/profile', 'Hello Ada!'])
      const [cookie] = await one.cookies()
      expect(cookie).toMatchObject({ name: 'profile_session', httpOnly: true, sameSite: 'Lax' })
      expect(Math.round((cookie!.expires - Date.now() / 1000) / 86_400)).toBe(7)
      expect(JSON.parse(Buffer.from(cookie!.value.split('.')[0]!, 'base64url').toString())).toEqual({
        _permanent: true,
        username: 'Ada',
      })
      expect(where(await open(two, 'profile', 'profile'))).toBe('/login')
      await logOut(page)
      expect(where(page)).toBe('/login')
      expect(where(await open(one, 'profile', 'profile'))).toBe('/login')
      await goBack(page)
      expect(where(page)).toBe('/login')
    })

    it('takes no cookie that was changed', async () => {
      await send(await open(one, 'profile', 'login'), { Username: 'Ada' })
      const [cookie] = await one.cookies()
      const forged = Buffer.from('{"username":"Bob"}').toString('base64url')
      await two.addCookies([{ ...cookie!, value: cookie!.value.replace(/^[^.]*/, forged) }])
      expect(where(await open(two, 'profile', 'profile'))).toBe('/login')
    })

    it.each(strangely)('greets a name with %s as it is', async (_, name) => {
      const page = await open(one, 'profile', 'login')
      await send(page, { Username: name })
      expect(await heading(page)).toBe(`Hello ${name}!`)
    })

    it.each(unfit)('logs nobody in with %s name', async (_, name) => {
      const page = await open(one, 'profile', 'login')
      await send(page, { Username: name })
      expect([where(page), (await wrong(page)).length]).toEqual(['/login', 1])
      expect(await one.cookies()).toEqual([])
    })
  })

  describe('login', () => {
    const says = 'You are logged in as'

    it('stays logged in after a reload and in a new tab, each visitor alone', async () => {
      const page = await open(one, 'login')
      expect(where(page)).toBe('/login')
      await send(page, { Name: 'David' })
      expect(where(page)).toBe('/')
      expect(await page.getByText(says).innerText()).toBe('You are logged in as David. Log out')
      await page.reload()
      const second = await open(one, 'login')
      expect(await second.getByText(says).innerText()).toContain('David')
      expect(where(await open(two, 'login'))).toBe('/login')
    })

    it('really ends a session at logout: its file is gone, Back and the old cookie are of no use', async () => {
      const before = house.files('login')
      const page = await open(one, 'login')
      await send(page, { Name: 'David' })
      const [cookie] = await one.cookies()
      expect(house.files('login')).toHaveLength(before.length + 1)
      await page.reload()

      await logOut(page)
      expect(where(page)).toBe('/login')
      expect(house.files('login')).toEqual(before)
      expect(await one.cookies()).toEqual([])
      await goBack(page)
      expect([where(page), await page.getByText(says).count()]).toEqual(['/login', 0])
      await two.addCookies([cookie!])
      expect(where(await open(two, 'login'))).toBe('/login')
    })

    it('gives a visitor who logs in again a new id, and forgets the old one', async () => {
      const page = await open(one, 'login')
      await send(page, { Name: 'David' })
      const [first] = await one.cookies()
      await page.goto(`${house.at.login}login`)
      await send(page, { Name: 'Carol' })
      const [second] = await one.cookies()
      expect(second!.value).not.toBe(first!.value)
      await two.addCookies([first!])
      expect(where(await open(two, 'login'))).toBe('/login')
      expect(await page.getByText(says).innerText()).toContain('Carol')
    })

    it.each(strangely)('logs in a name with %s as it is', async (_, name) => {
      const page = await open(one, 'login')
      await send(page, { Name: name })
      expect(await page.getByText(says).innerText()).toBe(`You are logged in as ${name}. Log out`)
    })

    it.each(unfit)('logs nobody in with %s name', async (_, name) => {
      const before = house.files('login')
      const page = await open(one, 'login')
      await send(page, { Name: name })
      expect([where(page), (await wrong(page)).length]).toEqual(['/login', 1])
      expect(house.files('login')).toEqual(before)
    })
  })

  describe('with the keyboard alone', () => {
    it.each([
      ['username', ['Ada'], 'Hello, Ada!'],
      ['form', ['Ada', 'ada@example.org'], 'User:'],
      ['profile', ['Ada'], 'Hello Ada!'],
      ['login', ['Ada'], 'Welcome'],
    ] as const)('%s can be used', async (app, words, result) => {
      const page = await open(one, app)
      await ready(page)
      for (let tabs = 0; tabs < 5; tabs++) {
        if (await page.evaluate(`document.activeElement.matches('input')`)) break
        await page.keyboard.press('Tab')
      }
      for (const [i, word] of words.entries()) {
        if (i > 0) await page.keyboard.press('Tab')
        await page.keyboard.type(word)
      }
      await follow(page, () => page.keyboard.press('Enter'))
      expect(await heading(page)).toBe(result)
    })

    it('one item after the other goes into a list', async () => {
      const page = await open(one, 'lists', 'session')
      for (const item of ['bread', 'milk']) {
        await ready(page)
        await page.keyboard.type(item)
        await follow(page, () => page.keyboard.press('Enter'))
      }
      expect(await page.getByRole('listitem').allInnerTexts()).toEqual(['bread', 'milk'])
    })
  })

  it('every app works without scripts, says its language, and fits a narrow screen', async () => {
    const plain = await house.browser.newContext({
      javaScriptEnabled: false,
      viewport: { width: 360, height: 640 },
    })
    for (const [app, label] of [
      ['username', 'Username'],
      ['profile', 'Username'],
      ['login', 'Name'],
    ] as const) {
      const page = await tab(plain, house.at[app])
      await send(page, { [label]: `Ada ${'x'.repeat(60)}` })
      expect(await page.getByText('Ada').count()).toBe(1)
    }
    await plain.close()
    const narrow = await house.browser.newContext({ viewport: { width: 360, height: 640 } })
    for (const address of Object.values(house.at)) {
      const page = await tab(narrow, address)
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360)
      expect(await page.evaluate('document.documentElement.lang')).toBe('en')
    }
    await narrow.close()
  })
})
