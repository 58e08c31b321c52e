import { setTimeout as pause } from 'node:timers/promises'
import { emptyPage, plainPage } from './values.js'

/** How many requests this server has been asked; counted here because wrk does not say when it counted. */
export const asked = { requests: 0 }

const after = (value, next) => (value instanceof Promise ? value.then(next) : next(value))
const home = { body: 'see /read', location: '/read' }

/**
 * The pages of the measured app: from a path to a handler (x, y) that answers the page, or a promise of it. A page is
 * text, or `{ body, location }` for a redirect. `session` finds the session of a request; without it there is one page.
 */
export function pages(use, session) {
  const counted = (handler) => (x, y) => {
    asked.requests++
    return handler(x, y)
  }
  const plain = { '/plain': counted(() => plainPage) }
  if (use === null) return plain
  const read = (s) => after(use.read(s), (text) => text ?? emptyPage)
  const count = (s, x, y) => after(use.count(s, x, y), String)
  const leave = use.leave
  return {
    ...plain,
    '/read': counted((x, y) => after(session(x, y), read)),
    '/write': counted((x, y) => after(session(x, y), (s) => count(s, x, y))),
    '/enter': async (x, y) => {
      await use.fill(await session(x, y), x, y)
      return 'entered'
    },
    '/enter-and-see': async (x, y) => {
      await use.fill(await session(x, y), x, y)
      return home
    },
    '/leave': async (x, y) => {
      await leave(await session(x, y), x, y)
      return 'left'
    },
    '/slow-count': async (x, y) => {
      const s = await session(x, y)
      await pause(10)
      return count(s, x, y)
    },
    '/slow-mark': async (x, y) => {
      const s = await session(x, y)
      await use.read(s)
      await pause(80)
      await use.mark(s, x, y)
      return 'marked'
    },
    '/slow-read': async (x, y) => {
      const s = await session(x, y)
      await use.read(s)
      await pause(80)
      return (await use.read(s)) ?? emptyPage
    },
  }
}
