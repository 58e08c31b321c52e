import type { BrowserContext, Page } from 'playwright-core'

/** Opens an address in a new tab. */
export async function tab(visitor: BrowserContext, address: string): Promise<Page> {
  const page = await visitor.newPage()
  await page.goto(address)
  return page
}

/** Does something that leads to another page, and waits for that. */
export async function follow(page: Page, act: () => Promise<unknown>): Promise<void> {
  await Promise.all([page.waitForNavigation(), act()])
}

/** Fills in fields by their labels and sends the form. */
export async function send(page: Page, values: Record<string, string>): Promise<void> {
  for (const [label, value] of Object.entries(values)) await page.getByLabel(label).fill(value)
  await follow(page, () => page.getByRole('button').click())
}

/** Waits until the field that asks for the keyboard has it, which is only some time after the page has loaded. */
export async function ready(page: Page): Promise<void> {
  await page.waitForFunction(`document.querySelector('[autofocus]') === null
    || document.activeElement.matches('[autofocus]')`)
}

/** Logs out by the link on the page. */
export function logOut(page: Page): Promise<void> {
  return follow(page, () => page.getByRole('link', { name: 'Log out' }).click())
}

/** Goes back as the button does, be it to a page that the browser has kept or to one that it asks for again. */
export async function goBack(page: Page): Promise<void> {
  await page.bringToFront()
  await page.evaluate('window.leaving = true')
  await page.evaluate('history.back()')
  await page.waitForFunction('window.leaving === undefined')
  await page.waitForLoadState()
}

/** The page's main heading. */
export function heading(page: Page): Promise<string> {
  return page.getByRole('heading', { level: 1 }).innerText()
}

/** What the page says is wrong with the form. */
export function wrong(page: Page): Promise<string[]> {
  return page.locator('.wrong').allInnerTexts()
}

/** Where a page is: its path. */
export function where(page: Page): string {
  return new URL(page.url()).pathname
}
