import { setTimeout as pause } from 'node:timers/promises'
import { ask, Browser } from './browser.js'
import { emptyPage, values } from './values.js'

const writes = 200
const trials = 5

/** S5: what overlapping requests do to one session. Nothing is thrown for a wrong answer; everything is counted. */
export async function correctnessOf(server, { kind }, redirects) {
  const { port } = server
  const told = { of: { writes, trials, redirects }, cut: 0 }
  /** An answer, or what stands for it where the server cut the connection. */
  const heard = (answer) =>
    answer.catch(() => {
      told.cut++
      return { status: 0, body: '', cookies: [] }
    })
  told.lost = await lost(port, '/write', heard)
  told.lostSlowly = await lost(port, '/slow-count', heard)
  told.revivedByWrite = await revived(port, '/slow-mark', heard)
  told.revivedByRead = await revived(port, '/slow-read', heard)
  told.stale = await stale(port, redirects)
  // Server-side only: in a cookie the answer carries the session itself.
  const slowed = ['sealed', 'flask', 'signed'].includes(kind) ? false : await server.slow?.(25)
  told.staleSlowly = slowed ? await stale(port, trials * 5) : null
  if (slowed) await server.slow(0)
  return told
}

/** How many of 200 overlapping writes of one browser left no trace, and how many were refused. */
async function lost(port, page, heard) {
  const browser = new Browser(port)
  await browser.ask('/enter')
  const answers = await Promise.all(Array.from({ length: writes }, () => heard(browser.ask(page))))
  const refused = answers.filter(({ status }) => status !== 200).length
  const { body } = await browser.ask('/read')
  const counted = Number(body.split(' ')[3]) - values.visits
  return { lost: Number.isNaN(counted) ? writes : writes - refused - counted, refused }
}

/** In how many trials a request that was under way brought a logged-out session back: for the browser's cookies as the answers left them, and for the cookie it had before. */
async function revived(port, page, heard) {
  const found = { jar: 0, old: 0 }
  const trial = async () => {
    const browser = new Browser(port)
    await browser.ask('/enter')
    const old = browser.jar.header
    const late = heard(browser.ask(page))
    await pause(30)
    await browser.ask('/leave')
    await late
    if (knows(await heard(browser.ask('/read')))) found.jar++
    if (knows(await heard(ask(port, '/read', old)))) found.old++
  }
  await Promise.all(Array.from({ length: trials }, trial))
  return found
}

const knows = ({ status, body }) => status === 200 && body !== emptyPage

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
