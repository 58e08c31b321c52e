import { setTimeout as pause } from 'node:timers/promises'
import { ask, Browser } from './browser.js'
import { emptyPage, values } from './values.js'

const writes = 200
const trials = 5

/** S5: what overlapping requests do to one session. Nothing is thrown for a wrong answer; everything is counted. */
export async function correctnessOf(server, { kind }, redirects) {
  const { port } = server
  const told = { of: { writes, trials, redirects } }
  told.lost = await lost(port, '/write')
  told.lostSlowly = await lost(port, '/slow-count')
  told.revivedByWrite = await revived(port, '/slow-mark')
  told.revivedByRead = await revived(port, '/slow-read')
  told.stale = await stale(port, redirects)
  // Server-side only: in a cookie the answer carries the session itself.
  const slowed = ['sealed', 'flask', 'signed'].includes(kind) ? false : await server.slow?.(25)
  told.staleSlowly = slowed ? await stale(port, trials * 5) : null
  if (slowed) await server.slow(0)
  return told
}

/** How many of 200 overlapping writes of one browser left no trace, and how many were refused. */
async function lost(port, page) {
  const browser = new Browser(port)
  await browser.ask('/enter')
  const answers = await Promise.all(Array.from({ length: writes }, () => browser.ask(page)))
  const refused = answers.filter(({ status }) => status !== 200).length
  const { body } = await browser.ask('/read')
  const counted = Number(body.split(' ')[3]) - values.visits
  return { lost: Number.isNaN(counted) ? writes : writes - refused - counted, refused }
}

/** In how many trials a request that was under way brought a logged-out session back: for the browser's cookies as the answers left them, and for the cookie it had before. */
async function revived(port, page) {
  const found = { jar: 0, old: 0 }
  const trial = async () => {
    const browser = new Browser(port)
    await browser.ask('/enter')
    const old = browser.jar.header
    const late = browser.ask(page)
    await pause(30)
    await browser.ask('/leave')
    await late
    if ((await browser.ask('/read')).body !== emptyPage) found.jar++
    if ((await ask(port, '/read', old)).body !== emptyPage) found.old++
  }
  await Promise.all(Array.from({ length: trials }, trial))
  return found
}

/** How often the page after a login does not know the login yet: the next request goes out when the head of the redirect is there. */
async function stale(port, count) {
  let missed = 0
  for (let done = 0; done < count; done++) {
    const browser = new Browser(port)
    const { seen } = await browser.ask('/enter-and-see', () => browser.ask('/read'))
    if ((await seen).body === emptyPage) missed++
  }
  return missed
}
