import { Browser } from './browser.js'
import { emptyPage, fullPage, plainPage } from './values.js'

/** Throws unless a server answers rightly: the pages of a visitor, a session that is read, a write that counts. */
export async function check(server, place) {
  const visitor = new Browser(server.port)
  await expect(visitor, '/plain', plainPage)
  if (place.library === 'none') return
  await expect(visitor, '/read', emptyPage)
  await expect(visitor, '/enter', 'entered')
  await expect(visitor, '/read', fullPage)
  await expect(visitor, '/write', '13')
  await expect(visitor, '/write', '14')
  await expect(visitor, '/read', fullPage.replace(' 12 ', ' 14 '))
  await expect(visitor, '/leave', 'left')
  await expect(visitor, '/read', emptyPage)
}

async function expect(browser, page, wanted) {
  const { status, body } = await browser.ask(page)
  if (status !== 200 || body !== wanted)
    throw new Error(`${page} answers ${status} "${body.slice(0, 200)}" where "${wanted}" was due`)
}
