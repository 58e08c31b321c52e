import { koaSession } from 'hipflask/koa'
import Koa from 'koa'
import { sessionsOf } from '../hipflask.js'
import { pages } from '../pages.js'
import { dictionary, lazyDictionary, objects } from '../uses.js'
import { secret, slowable, world } from '../world.js'

const ofContext = (context) => context.session

const libraries = {
  none: () => pages(null),
  hipflask: async (app, place) => {
    app.use(koaSession(await sessionsOf(place)))
    return pages(place.options?.lazy ? lazyDictionary : dictionary, ofContext)
  },
  'koa-session': async (app, { kind }) => {
    const module = await import('koa-session')
    const session = module.default ?? module.createSession
    app.keys = [secret]
    const store = kind === 'redis' ? slowable(await redisStore(), 'set') : undefined
    app.use(session({ key: 'session', ...(store && { store }) }, app))
    return pages({ ...objects, leave: (_session, context) => void (context.session = null) }, ofContext)
  },
}

/** koa-session brings no store: this is the least its contract asks for. */
async function redisStore() {
  const client = await world.nodeRedis()
  return {
    get: async (key) => JSON.parse((await client.get(`koa:${key}`)) ?? 'null') ?? undefined,
    set: (key, session, maxAge) =>
      client.set(`koa:${key}`, JSON.stringify(session), { expiration: { type: 'PX', value: maxAge } }),
    destroy: (key) => client.del(`koa:${key}`),
  }
}

export async function serve(place) {
  const app = new Koa()
  const routes = await libraries[place.library](app, place)
  app.use((context) => {
    const send = (page) => {
      if (typeof page === 'string') context.body = page
      else context.redirect(page.location)
    }
    const page = routes[context.path](context)
    if (page instanceof Promise) return page.then(send)
    send(page)
  })
  return app.listen(0, '127.0.0.1')
}
