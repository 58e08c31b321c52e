import { serve as listen } from '@hono/node-server'
import { Hono } from 'hono'
import { honoSession } from 'hipflask/hono'
import { sessionsOf } from '../hipflask.js'
import { pages } from '../pages.js'
import { accessors, dictionary, lazyDictionary } from '../uses.js'
import { secret, slowable, world } from '../world.js'

const ofContext = (context) => context.get('session')

const libraries = {
  none: () => pages(null),
  hipflask: async (app, place) => {
    app.use(honoSession(await sessionsOf(place)))
    return pages(place.options?.lazy ? lazyDictionary : dictionary, ofContext)
  },
  'hono-sessions': async (app, { kind }) => {
    const { CookieStore, MemoryStore, sessionMiddleware } = await import('hono-sessions')
    const stores = {
      memory: () => new MemoryStore(),
      redis: async () => slowable(await redisStore(), 'createSession', 'persistSessionData'),
      sealed: () => new CookieStore(),
    }
    const store = await stores[kind]()
    const settings = {
      expireAfterSeconds: 86_400,
      cookieOptions: { path: '/', httpOnly: true, sameSite: 'Lax' },
    }
    app.use(sessionMiddleware({ store, ...(kind === 'sealed' && { encryptionKey: secret }), ...settings }))
    return pages({ ...accessors, leave: (s) => s.deleteSession() }, ofContext)
  },
}

/** hono-sessions brings no store for Redis on Node: this is the least its contract asks for. */
async function redisStore() {
  const client = await world.nodeRedis()
  const set = (id, data) =>
    client.set(`hono:${id}`, JSON.stringify(data), { expiration: { type: 'EX', value: 86_400 } })
  return {
    getSessionById: async (id) => JSON.parse((await client.get(`hono:${id}`)) ?? 'null'),
    createSession: set,
    persistSessionData: set,
    deleteSession: (id) => client.del(`hono:${id}`),
  }
}

export async function serve(place) {
  const app = new Hono()
  const routes = await libraries[place.library](app, place)
  for (const [path, handler] of Object.entries(routes)) {
    app.get(path, (context) => {
      const send = (page) => (typeof page === 'string' ? context.text(page) : context.redirect(page.location))
      const page = handler(context)
      return page instanceof Promise ? page.then(send) : send(page)
    })
  }
  return listen({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' })
}
