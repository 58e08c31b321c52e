import { once } from 'node:events'
import http from 'node:http'
import path from 'node:path'
import express from 'express'
import { expressSession } from '../../src/adapters/express.ts'
import { nodeSession } from '../../src/adapters/node.ts'
import { flaskConfig } from '../../src/flask/index.ts'
import type { FlaskConfig } from '../../src/flask/index.ts'
import type { Session, VisitSource } from '../../src/index.ts'
import { createSessions } from '../../src/index.ts'
import { live, typed } from '../flask-session/typed.ts'
import { pythonPath } from '../real/python.ts'
import { startServer } from '../real/server.ts'

/** One of the apps that share their sessions. */
export interface Twin {
  readonly name: string
  readonly origin: string
  /** Changes configuration while it runs. */
  configure(keys: FlaskConfig): Promise<void>
  stop(): Promise<void>
}

/** The Flask app of twin.py, in the newest Flask; `config` may also say REDIS_PORT, MEMCACHED_PORT or DATABASE. */
export async function startFlask(config: object): Promise<Twin> {
  const server = await startServer({
    command: pythonPath!,
    args: ({ port }) => [
      '-I',
      path.join(import.meta.dirname, 'twin.py'),
      String(port),
      JSON.stringify(config),
    ],
    ready: async ({ port }) => {
      if ((await fetch(`http://127.0.0.1:${port}/ready`)).status !== 200) throw new Error('not ready')
    },
  })
  const origin = `http://127.0.0.1:${server.port}`
  return {
    name: 'Flask',
    origin,
    async configure(keys) {
      const answer = await postJson(`${origin}/config`, keys)
      if (answer !== 'configured') throw new Error(`Flask was not configured: ${answer}`)
    },
    stop: () => server.stop(),
  }
}

/** Posts JSON and answers the text of what comes back; throws unless it is a 200. */
export async function postJson(url: string, value: unknown): Promise<string> {
  const headers = { 'Content-Type': 'application/json' }
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(value) })
  const text = await response.text()
  if (response.status !== 200) throw new Error(`${url} answered ${response.status}: ${text}`)
  return text
}

type Data = Record<string, any>

/** The same routes in TypeScript, over node:http or Express. */
export async function startHipflask(framework: 'node' | 'express', config: FlaskConfig): Promise<Twin> {
  let keys = config
  let options = flaskConfig(keys)
  let sessions = createSessions<Data>(options)
  const current: VisitSource<Data> = { open: (...request) => sessions.open(...request) }

  const server = framework === 'node' ? overNode(current) : overExpress(current)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  return {
    name: framework === 'node' ? 'node:http' : 'Express',
    origin: `http://127.0.0.1:${port}`,
    async configure(changed) {
      await options.store?.close?.()
      keys = { ...keys, ...changed }
      options = flaskConfig(keys)
      sessions = createSessions<Data>(options)
    },
    async stop() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
      await options.store?.close?.()
    },
  }
}

function overNode(sessions: VisitSource<Data>): http.Server {
  return http.createServer(
    nodeSession(sessions, async (request, response) => {
      let text = ''
      for await (const piece of request.setEncoding('utf8')) text += piece
      response.end(answer(request.session, request.url!, text, 'destroy'))
    }),
  )
}

function overExpress(sessions: VisitSource<Data>): http.Server {
  const app = express()
  const session = expressSession(sessions)
  app.use(express.text({ type: '*/*', limit: '1mb' }), session)
  app.use((request, response) => {
    const text = typeof request.body === 'string' ? request.body : ''
    response.end(answer(session.of(request), request.originalUrl, text, 'clear'))
  })
  return http.createServer(app)
}

/** What twin.py answers. Its logout is `session.clear()`; here there are two ways to end a session, one for each framework. */
function answer(session: Session<Data>, url: string, text: string, end: 'destroy' | 'clear'): string {
  const { pathname, searchParams } = new URL(url, 'http://twin')
  const word = (name: string): string => searchParams.get(name)!
  switch (pathname) {
    case '/':
      return JSON.stringify(typed(session.toJSON()))
    case '/login':
      session.name = word('name')
      session.visits = 0
      session.flash(`Welcome, ${session.name}`, 'success')
      return 'in'
    case '/logout':
      session[end]()
      return 'out'
    case '/visit':
      return String(session.update('visits', (visits = 0) => visits + 1))
    case '/flash':
      session.flash(word('text'), word('category'))
      return 'flashed'
    case '/flashes':
      return JSON.stringify(session.flashes({ withCategories: true }))
    case '/permanent':
      if (searchParams.has('on')) session.permanent = word('on') === '1'
      return searchParams.has('on') ? 'set' : session.permanent ? '1' : '0'
    case '/put':
      session.set(word('key'), live(JSON.parse(text)))
      return 'put'
    case '/pop':
      return JSON.stringify(typed(session.pop(word('key'), null)))
    case '/begin':
      for (const step of word('do').split(' ')) {
        if (step === 'on' || step === 'off') session.permanent = step === 'on'
        else if (step === 'clear') session.clear()
        else session.set(step, 1)
      }
      return 'begun'
    case '/ready':
      return 'ready'
    default:
      throw new Error(`no route ${pathname}`)
  }
}
