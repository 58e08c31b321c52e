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
})
