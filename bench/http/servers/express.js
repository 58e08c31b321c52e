import express from 'express'
import { expressSession } from 'hipflask/express'
import { floorOf } from '../floors.js'
import { sessionsOf } from '../hipflask.js'
import { pages } from '../pages.js'
import { dictionary, lazyDictionary, objects } from '../uses.js'
import { secret, slowable, world } from '../world.js'
import { ironSession } from './iron.js'

const ofRequest = (request) => request.session

/** Each library's middleware, mounted on the app; answers the pages. */
const libraries = {
  none: () => pages(null),
  hipflask: async (app, place) => {
    app.use(expressSession(await sessionsOf(place)))
    return pages(place.options?.lazy ? lazyDictionary : dictionary, ofRequest)
  },
  floor: async (_app, { kind }) => {
    const { session, use } = await floorOf(kind)
    return pages(use, session)
  },
  'express-session': async (app, { kind }) => {
    const { default: session } = await import('express-session')
    const store = slowable(await stores[kind](session), 'set', 'touch')
    app.use(session({ store, secret, resave: false, saveUninitialized: false }))
    const leave = (_session, request) =>
      new Promise((resolve, reject) => {
        request.session.destroy((error) => (error ? reject(error) : resolve()))
      })
    return pages({ ...objects, leave }, ofRequest)
  },
  'cookie-session': async (app) => {
    const { default: session } = await import('cookie-session')
    app.use(session({ name: 'session', secret }))
    return pages({ ...objects, leave: (_session, request) => void (request.session = null) }, ofRequest)
  },
  'iron-session': () => pages(ironSession.use, ironSession.session),
}

/** The stores of express-session. */
const stores = {
  memory: ({ MemoryStore }) => new MemoryStore(),
  redis: async () => {
    const { RedisStore } = await import('connect-redis')
    return new RedisStore({ client: await world.nodeRedis(), prefix: `express${process.pid}:` })
  },
  file: async (session) => {
    const { default: make } = await import('session-file-store')
    const FileStore = make(session)
    return new FileStore({ path: world.folder('express'), logFn: () => undefined })
  },
  postgres: async (session) => {
    const { default: make } = await import('connect-pg-simple')
    const PgStore = make(session)
    const pool = await world.postgres()
    return new PgStore({
      pool,
      tableName: `express_${process.pid}`,
      createTableIfMissing: true,
      pruneSessionInterval: false,
    })
  },
}

export async function serve(place) {
  const app = express()
  const routes = await libraries[place.library](app, place)
  for (const [path, handler] of Object.entries(routes)) {
    app.get(path, (request, response, next) => {
      const send = (page) =>
        typeof page === 'string' ? response.send(page) : response.redirect(page.location)
      const page = handler(request, response)
      if (page instanceof Promise) page.then(send).catch(next)
      else send(page)
    })
  }
  return app.listen(0, '127.0.0.1')
}
