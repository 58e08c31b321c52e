import http from 'node:http'
import compression from 'compression'
import express5 from 'express'
import express4 from 'express4'
import { afterEach, describe, expect, it } from 'vitest'
import { expressSession } from '../../src/adapters/express.ts'
import { createSessions } from '../../src/index.ts'
import { TroubledStore } from '../../src/testing/adapter-cases/troubled-store.ts'
import { type Served, TestClient } from '../../src/testing/index.ts'
import { listen } from './servers.ts'

interface Data {
  name: string
}

const running: Served[] = []
afterEach(async () => {
  for (const served of running.splice(0)) await served.close()
})

async function clientOf(app: express5.Express): Promise<TestClient> {
  app.set('env', 'test')
  const served = await listen(http.createServer(app))
  running.push(served)
  return new TestClient(served.origin)
}

const tells: express5.ErrorRequestHandler = (error, _request, response, _next) => {
  response.json({ code: error.code, message: error.message, cause: error.cause?.message })
}

describe.each(Object.entries({ 'Express 4': express4, 'Express 5': express5 }))('%s', (_, express) => {
  const store = new TroubledStore(false)
  const sessions = createSessions<Data>({ store })
  const session = expressSession(sessions)

  it('an error handler is told what failed and why, and answers 500 unless it says otherwise', async () => {
    const app = express()
    app.use(session)
    app.get('/', (request, response) => {
      session.of(request).name = 'Ada'
      response.send('done')
    })
    app.use(tells)
    store.failing.add('create')
    const response = await (await clientOf(app)).ask('/')
    store.failing.clear()
    expect(response.status).toBe(500)
    expect(JSON.parse(response.text)).toMatchObject({
      code: 'ERR_SESSION_STORE',
      cause: 'The store of this test is down',
    })
  })

  it('mounted in a router it serves that router alone', async () => {
    const app = express()
    const router = express.Router()
    router.use(session)
    router.get('/in', (request, response) => {
      session.of(request).name = 'Ada'
      response.send('done')
    })
    app.use('/area', router)
    app.get('/out', (request, response) => void response.send(String('session' in request)))
    const client = await clientOf(app)
    expect((await client.ask('/area/in')).setCookies).toHaveLength(1)
    expect((await client.ask('/out')).text).toBe('false')
  })

  it('assigning to req.session is an error that says what to call', async () => {
    const app = express()
    app.use(session)
    app.get('/', (request, response) => {
      Reflect.set(request, 'session', null)
      response.send('not reached')
    })
    app.use(tells)
    const { code, message } = JSON.parse((await (await clientOf(app)).ask('/')).text)
    expect(code).toBe('ERR_SESSION_USE')
    expect(message).toContain('session.destroy()')
  })

  it('of() where the middleware has not run is an error', async () => {
    const app = express()
    app.get('/', (request, response) => void response.json(session.of(request)))
    app.use(tells)
    expect(JSON.parse((await (await clientOf(app)).ask('/')).text).code).toBe('ERR_SESSION_USE')
  })

  it('beside another session middleware it refuses to guess', async () => {
    const app = express()
    app.use(expressSession(createSessions({ store: new TroubledStore(true) })))
    app.use(session)
    app.use(tells)
    expect(JSON.parse((await (await clientOf(app)).ask('/')).text).code).toBe('ERR_SESSION_CONFIG')
  })

  it('beside compression, before and after, a large page arrives whole with its cookie', async () => {
    const page = 'abcdefghijklmnopqrstuvwxyz'.repeat(4000)
    for (const handlers of [
      [compression(), session],
      [session, compression()],
    ]) {
      const app = express()
      for (const handler of handlers) app.use(handler)
      app.get('/', (request, response) => {
        session.of(request).name = 'Ada'
        response.type('html').send(page)
      })
      await clientOf(app)
      const response = await fetch(running.at(-1)!.origin)
      expect(response.headers.get('content-encoding')).toMatch(/br|gzip/)
      expect(await response.text()).toBe(page)
      expect(response.headers.getSetCookie()).toHaveLength(1)
      expect(response.headers.get('vary')?.split(', ').toSorted()).toEqual(['Accept-Encoding', 'Cookie'])
    }
  })

  it('a page rendered into a second response does not become the first one', async () => {
    const app = express()
    app.use(session)
    app.get('/part', (_request, response) => void response.send('part'))
    app.get('/', (request, response) => {
      session.of(request).name = 'Ada'
      request.url = '/part'
      app(request, new http.ServerResponse(request) as express5.Response, () => {})
      response.type('text').send('whole page')
    })
    const answer = await (await clientOf(app)).ask('/')
    expect([answer.status, answer.text, answer.setCookies.length]).toEqual([200, 'whole page', 1])
  })

  it('a response in a wrapper is guarded', async () => {
    const app = express()
    app.use(session)
    app.use((request, response, next) => {
      const inner = express()
      inner.get('/', (request, response) => {
        session.of(request).name = 'Ada'
        response.end('page')
      })
      inner(request, new Proxy(response, {}), next)
    })
    const answer = await (await clientOf(app)).ask('/')
    expect([answer.status, answer.text, answer.setCookies.length]).toEqual([200, 'page', 1])
  })

  describe('a response that moves to another app', () => {
    const other = express === express5 ? express4 : express5
    const renames: express5.RequestHandler = (request, response) => {
      response.send(session.of(request).update('name', (name = '') => `${name}x`))
    }

    /** Asks apps that change the session, on a store that works and on one that does not. */
    async function expectGuarded(app: express5.Express, path = '/'): Promise<void> {
      app.use(tells)
      const client = await clientOf(app)
      const stored = await client.ask(path)
      expect([stored.status, stored.setCookies.length, stored.headers.vary]).toEqual([200, 1, 'Cookie'])
      store.failing.add('update')
      const failed = await client.ask(path)
      store.failing.clear()
      expect([failed.status, failed.text]).toEqual([500, expect.stringContaining('ERR_SESSION_STORE')])
    }

    it('called as a function is guarded there', async () => {
      const inner = express()
      inner.get('/', renames)
      const app = express()
      app.use(session)
      app.use((request, response, next) => void inner(request, response, next))
      await expectGuarded(app)
    })

    it('that passes it on is guarded where it goes', async () => {
      const inner = express()
      const app = express()
      app.use(session)
      app.use((request, response, next) => void inner(request, response, next))
      app.get('/', renames)
      await expectGuarded(app)
    })

    it('of another copy of Express with the middleware is guarded there', async () => {
      const inner = other()
      inner.use(session)
      inner.get('/', renames)
      const app = express()
      app.use(session)
      app.use((request, response, next) => void inner(request, response, next))
      await expectGuarded(app)
    })

    it('with methods of its own and with the middleware is guarded there, by both', async () => {
      const inner = express()
      const { end } = http.ServerResponse.prototype
      inner.response.end = function counted(this: express5.Response, ...args: unknown[]) {
        if (!this.headersSent) this.setHeader('X-Own', '1')
        return Reflect.apply(end, this, args)
      }
      inner.use(session)
      inner.get('/', renames)
      inner.use(tells)
      const app = express()
      app.use(session)
      app.use('/inner', inner)
      expect((await (await clientOf(app)).ask('/inner')).headers['x-own']).toBe('1')
      await expectGuarded(app, '/inner')
    })

    it('out of one that is mounted in two, with the middleware, is guarded in both', async () => {
      const inner = express()
      inner.use(session)
      const apps = [express(), express()]
      for (const app of apps) {
        app.use(inner)
        app.get('/', renames)
      }
      for (const app of apps) await expectGuarded(app)
    })
  })
})
