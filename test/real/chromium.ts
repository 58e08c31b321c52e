import { type Browser, chromium } from 'playwright-core'
import { need } from './need.ts'

/** Where Chromium is, or null: then suites with browsers are to be skipped (`describe.skipIf(browserPath === null)`). */
export const browserPath: string | null = need(
  'Chromium',
  'apt-get install chromium',
  '/usr/bin/chromium',
  'chromium',
  'chromium-browser',
  'google-chrome',
)

/** Starts Chromium, headless and silent on the network; whoever starts it closes it. */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: browserPath!,
    // Back shows a page that was kept alive, as it does for people.
    ignoreDefaultArgs: ['--disable-back-forward-cache'],
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}
