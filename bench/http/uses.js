import { page, values } from './values.js'

/*
 * How an app uses a session, in the words of each kind of library. A use has `read(session)`: the page or null for a
 * visitor without values; and `count`, `fill`, `mark`, `leave`, which take (session, x, y), where x and y are what the
 * framework hands to its handlers, and may answer a promise.
 */

/** Sessions that are plain objects: express-session, cookie-session, koa-session. */
export const objects = {
  read: (s) => (s.user === undefined ? null : page(s.user, s.theme, s.locale, s.visits, s.cart, s.token)),
  count: (s) => (s.visits += 1),
  fill: (s) => void Object.assign(s, values),
  mark: (s) => void (s.marked = 'late'),
}

/** hipflask's dictionary. */
export const dictionary = {
  ...objects,
  count: (s) => s.update('visits', (n) => n + 1),
  leave: (s) => s.destroy(),
}

/** hipflask's dictionary, read only when it is asked for. */
export const lazyDictionary = {
  read: async (s) => objects.read(await s.load()),
  count: async (s) => dictionary.count(await s.load()),
  fill: async (s) => objects.fill(await s.load()),
  mark: async (s) => objects.mark(await s.load()),
  leave: async (s) => (await s.load()).destroy(),
}

/** Sessions with `get` and `set`: @fastify/session, @fastify/secure-session, hono-sessions. */
export const accessors = {
  read: (s) => {
    const user = s.get('user')
    return user === undefined || user === null
      ? null
      : page(user, s.get('theme'), s.get('locale'), s.get('visits'), s.get('cart'), s.get('token'))
  },
  count: (s) => {
    const visits = s.get('visits') + 1
    s.set('visits', visits)
    return visits
  },
  fill: (s) => {
    for (const [key, value] of Object.entries(values)) s.set(key, value)
  },
  mark: (s) => s.set('marked', 'late'),
}

/** iron-session: an object that is stored when the app says so. */
export const saved = {
  ...objects,
  count: async (s) => {
    const visits = objects.count(s)
    await s.save()
    return visits
  },
  fill: (s) => {
    objects.fill(s)
    return s.save()
  },
  mark: (s) => {
    objects.mark(s)
    return s.save()
  },
  leave: (s) => s.destroy(),
}

/** h3's useSession: values under `data`, changed by `update`. */
export const updated = {
  read: (s) => objects.read(s.data),
  count: async (s) => {
    await s.update({ visits: s.data.visits + 1 })
    return s.data.visits
  },
  fill: (s) => s.update(values),
  mark: (s) => s.update({ marked: 'late' }),
  leave: (s) => s.clear(),
}
