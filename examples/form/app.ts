// Carries a form's answers from one page to the next.
import formbody from '@fastify/formbody'
import Fastify from 'fastify'
import { createSessions } from 'hipflask'
import { withSession } from 'hipflask/current'
import { fastifySession } from 'hipflask/fastify'
import { inspect } from 'hipflask/inspector'
import { errorPage } from '../shared/error-page.ts'
import { onEvent } from '../shared/observer.ts'
import { readField } from '../shared/read-field.ts'
import { templates } from '../shared/templates.ts'
import { storeFor } from '../store.ts'

declare module 'hipflask' {
  interface SessionData {
    name: string
    email: string
  }
}

export const sessions = createSessions({
  store: storeFor('form'),
  cookie: { name: 'form_session' },
  onEvent,
})

const app = Fastify()
const views = templates('form')

app.register(inspect(sessions).fastify, { prefix: '/__sessions' }) // what the sessions do, for this machine alone
app.register(formbody)
app.register(fastifySession(sessions))
app.addHook('preHandler', (request, reply, done) => {
  reply.header('Content-Type', 'text/html; charset=utf-8')
  reply.header('Cache-Control', 'no-store') // a page about a visitor is kept nowhere
  withSession(request.session, done) // so `session` in every template is this visitor's
})

app.get('/', async () => views.render('index.html'))

app.post<{ Body?: { name?: unknown; email?: unknown } }>('/users', async (request, reply) => {
  const name = readField(request.body?.name, 'a name', 100)
  const email = readField(request.body?.email, 'an email address', 254)
  if (name.problem !== null || email.problem !== null) {
    reply.code(422)
    return views.render('index.html', {
      typed: { name: name.text, email: email.text },
      problem: { name: name.problem, email: email.problem },
    })
  }
  request.session.name = name.text
  request.session.email = email.text
  return reply.redirect('/show')
})

app.get('/show', async ({ session }, reply) => {
  if (!('name' in session && 'email' in session)) return reply.redirect('/')
  return views.render('user.html')
})

app.setErrorHandler(async (error, _request, reply) => {
  const { status, html } = errorPage(views, error)
  reply.code(status).type('text/html; charset=utf-8')
  return html
})

export async function listen(port: number, host: string) {
  await app.listen({ port, host })
  return app.server
}
