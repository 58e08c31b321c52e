// Remembers one name per visitor, in a file on the server.
import express from 'express'
import { createSessions } from 'hipflask'
import { withSession } from 'hipflask/current'
import { expressSession } from 'hipflask/express'
import { inspect } from 'hipflask/inspector'
import { errorPage } from '../shared/error-page.ts'
import { onEvent } from '../shared/observer.ts'
import { readField } from '../shared/read-field.ts'
import { templates } from '../shared/templates.ts'
import { storeFor } from '../store.ts'

declare module 'hipflask' {
  interface SessionData {
    username: string
  }
}

export const sessions = createSessions({
  store: storeFor('username'),
  cookie: { name: 'username_session' },
  permanent: false,
  onEvent,
})

const app = express()
const views = templates('username')
views.express(app)

app.use('/__sessions', inspect(sessions)) // what the sessions do, for this machine alone
app.use(express.urlencoded())
app.use(expressSession(sessions))
app.use((req, res, next) => {
  res.set('Cache-Control', 'no-store') // a page about a visitor is kept nowhere
  withSession(req.session, next) // so `session` in every template is this visitor's
})

app.get('/', (_req, res) => {
  res.render('username.html')
})

app.post('/set_session', (req, res) => {
  const { text, problem } = readField(req.body?.username, 'a username', 100)
  if (problem !== null) {
    res.status(422).render('username.html', { typed: text, problem })
    return
  }
  req.session.username = text
  res.redirect('/')
})

app.use((error: unknown, _req: express.Request, res: express.Response, _next: express.NextFunction) => {
  const { status, html } = errorPage(views, error)
  res.status(status).send(html)
})

export const listen = (port: number, host: string) => app.listen(port, host)
