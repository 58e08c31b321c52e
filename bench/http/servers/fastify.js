import cookies from '@fastify/cookie'
import fastify from 'fastify'
import { fastifySession } from 'hipflask/fastify'
import { floorOf } from '../floors.js'
import { sessionsOf } from '../hipflask.js'
import { pages } from '../pages.js'
import { accessors, dictionary, lazyDictionary } from '../uses.js'
import { secret, slowable, world } from '../world.js'

const ofRequest = (request) => request.session

const libraries = {
  none: () => pages(null),
  hipflask: async (app, place) => {
    await app.register(fastifySession(await sessionsOf(place)))
    return pages(place.options?.lazy ? lazyDictionary : dictionary, ofRequest)
  },
  floor: async (_app, { kind }) => {
    const { session, use } = await floorOf(kind)
    return pages(use, (request, reply) => session(request, reply.raw))
  },
  '@fastify/session': async (app, { kind, rolling }) => {
    const { default: session } = await import('@fastify/session')
    await app.register(cookies)
    const store = kind === 'memory' ? new session.MemoryStore() : await redisStore()
    await app.register(session, {
      store: slowable(store, 'set'),
      secret,
      saveUninitialized: false,
      rolling,
      cookie: { secure: false },
    })
    return pages({ ...accessors, leave: (_session, request) => request.session.destroy() }, ofRequest)
  },
  '@fastify/secure-session': async (app) => {
    const { default: session } = await import('@fastify/secure-session')
    await app.register(session, { key: Buffer.from(secret), cookie: { path: '/' } })
    return pages({ ...accessors, leave: (s) => s.delete() }, ofRequest)
  },
}

async function redisStore() {
  const { RedisStore } = await import('connect-redis')
  return new RedisStore({ client: await world.nodeRedis(), prefix: `fastify${process.pid}:` })
}

export async function serve(place) {
  const app = fastify()
  const routes = await libraries[place.library](app, place)
  for (const [path, handler] of Object.entries(routes)) {
    app.get(path, (request, reply) => {
      const page = handler(request, reply)
      if (page instanceof Promise) return page.then((text) => answer(reply, text))
      return answer(reply, page)
    })
  }
  await app.listen({ port: 0, host: '127.0.0.1' })
  return app.server
}

function answer(reply, page) {
  return typeof page === 'string' ? reply.send(page) : reply.redirect(page.location)
}
