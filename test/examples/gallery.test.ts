import type { BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { shown } from '../../examples/gallery/veil.ts'
import { browserPath } from '../real/chromium.ts'
import { type House, openHouse } from './house.ts'
import { follow, logOut, send, tab } from './visitors.ts'

describe.skipIf(browserPath === null)('the gallery', () => {
  let house: House
  let one: BrowserContext
  let two: BrowserContext

  beforeAll(async () => {
    house = await openHouse('gallery')
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

  it('explains each example and leads to it', async () => {
    const page = await open(one, 'gallery')
    for (const app of ['username', 'form', 'lists', 'profile', 'login'] as const) {
      const article = page.getByRole('article', { name: app })
      expect(await article.getByRole('link', { name: `Open ${app}` }).getAttribute('href')).toBe(
        house.at[app],
      )
    }
    expect(await page.getByRole('article').count()).toBe(5)
    await page.keyboard.press('Tab')
    await follow(page, () => page.keyboard.press('Enter'))
    expect(page.url()).toBe(house.at.username)
    await follow(page, () => page.getByRole('link', { name: 'All examples' }).click())
    expect(page.url()).toBe(house.at.gallery)
  })

  it('leads to inspectors that answer, under whichever name it was opened', async () => {
    for (const name of ['localhost', '127.0.0.1']) {
      const page = await tab(one, house.at.gallery.replace('localhost', name))
      const inside = page.getByRole('article', { name: 'username' }).getByText('Look inside its sessions')
      await follow(page, () => inside.click())
      await page.locator('#status.on').waitFor()
    }
  })

  it('shows live what a request did and what is kept of it', async () => {
    const page = await open(one, 'gallery')
    const live = page.locator('[data-live=username]')
    const username = await open(two, 'username')
    await live.getByText('nothing: no read, no write').waitFor()
    await send(username, { Username: 'Grace <Hopper>' })
    await live.getByText('{ "username": "Grace <Hopper>" }').waitFor()
    await live.getByText('302 Found').waitFor()
    // The redirect's own request is told a moment later.
    await live.getByText(/read session #/).waitFor()
    const said = await live.innerText()
    const id = /made session #([0-9a-f]{8}), \d+ bytes/.exec(said)![1]!
    expect(said).toContain(
      `Set-Cookie: username_session=(id of session #${id}); HttpOnly; Path=/; SameSite=Lax`,
    )
    expect(said).toContain(`Cookie: username_session=(id of session #${id})`)
    expect(said).toContain(`read session #${id}`)
    expect(house.files('username').filter((file) => file.startsWith(id))).toHaveLength(1)
  })

  it('shows that a logout leaves nothing', async () => {
    const page = await open(one, 'gallery')
    const live = page.locator('[data-live=login]')
    const login = await open(two, 'login')
    await send(login, { Name: 'Grace' })
    await live.getByText('{ "name": "Grace" }').waitFor()
    await logOut(login)
    await live.getByText(/deleted session #/).waitFor()
    await live.getByText('No file: nobody has a session.').waitFor()
    expect(await live.innerText()).toMatch(/Set-Cookie: login_session=\(nothing\); Expires=Thu, 01 Jan 1970/)
  })

  it('shows nothing by which one could become a visitor, in its page and in what the examples print', async () => {
    const seen = new Set<string>()
    const note = async (): Promise<void> => {
      for (const { value } of await two.cookies()) for (const part of value.split('.')) seen.add(part)
    }
    await send(await open(two, 'form'), { Name: 'Grace', Email: 'grace@example.org' })
    await send(await open(two, 'lists', 'session'), { 'New item': 'tea' })
    await send(await open(two, 'profile', 'login'), { Username: 'Grace' })
    await note()
    const login = await open(two, 'login')
    await send(login, { Name: 'Grace' })
    await note()
    await logOut(login)
    expect(seen.size).toBe(2 + 3 + 1)
    const page = await open(one, 'gallery')
    for (const app of ['form', 'lists', 'profile', 'login'])
      expect(await page.locator(`[data-live=${app}]`).innerText()).toMatch(/Set-Cookie/)
    const everything = [await page.content(), house.program.stdout(), house.program.stderr()].join()
    for (const part of seen) expect(everything).not.toContain(part)
  })

  it('shows no value whose name sounds like a secret', () => {
    const values = { user: 'Ada', password: 'x', nested: { apiKey: 'x', pins: [1] }, cart: ['tea'] }
    expect(shown(values)).toEqual({
      user: 'Ada',
      password: '(not shown)',
      nested: { apiKey: '(not shown)', pins: '(not shown)' },
      cart: ['tea'],
    })
  })

  it('says what a script-less visitor sees after a reload', async () => {
    const plain = await house.browser.newContext({ javaScriptEnabled: false })
    await send(await open(two, 'username'), { Username: 'Ada' })
    const page = await open(plain, 'gallery')
    expect(await page.locator('[data-live=username]').innerText()).toContain('"Ada"')
    expect(await page.locator('noscript').innerHTML()).toContain('http-equiv="refresh"')
    await plain.close()
  })

  it('answers nobody who calls this machine by another name', async () => {
    const { port } = new URL(house.at.gallery)
    const headers = { host: `rebound.example:${port}` }
    expect((await one.request.get(house.at.gallery, { headers })).status()).toBe(403)
    expect((await one.request.get(`${house.at.gallery}events`, { headers })).status()).toBe(403)
  })
})
