// Logs a visitor in, and really out again.
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
    name: string
  }
}

export const sessions = createSessions({
  store: storeFor('login'),
  cookie: { name: 'login_session' },
  permanent: false,
  onEvent,
})

const app = express()
const views = templates('login')
views.express(app)

app.use('/__sessions', inspect(sessions)) // what the sessions do, for this machine alone
app.use(express.urlencoded())
app.use(expressSession(sessions))
app.use((req, res, next) => {
  res.set('Cache-Control', 'no-store') // a page about a visitor is kept nowhere
  withSession(req.session, next) // so `session` in every template is this visitor's
})

app.get('/', (req, res) => {
  if (req.session.get('name')) res.render('index.html')
  else res.redirect('/login')
})

app.get('/login', (_req, res) => {
  res.render('login.html')
})

app.post('/login', (req, res) => {
  const { text, problem } = readField(req.body?.name, 'a name', 100)
  if (problem !== null) {
    res.status(422).render('login.html', { typed: text, problem })
    return
  }
  req.session.regenerate() // a new id for whoever this now is
  req.session.name = text
  res.redirect('/')
})

app.get('/logout', (req, res) => {
  req.session.destroy() // not `name = null`: nothing of the session stays, here or in the browser
  res.redirect('/')
})

app.use((error: unknown, _req: express.Request, res: express.Response, _next: express.NextFunction) => {
  const { status, html } = errorPage(views, error)
  res.status(status).send(html)
})

export const listen = (port: number, host: string) => app.listen(port, host)
