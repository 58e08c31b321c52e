// Logs a visitor in, and out again: in TypeScript. Its twin in Flask is app.py.
import path from 'node:path'
import express from 'express'
import { createSessions } from 'hipflask'
import { session as visitors, withSession } from 'hipflask/current'
import { expressSession } from 'hipflask/express'
import { flaskConfig } from 'hipflask/flask'
import nunjucks from 'nunjucks'
import { errorPage } from '../shared/error-page.ts'
import { readField } from '../shared/read-field.ts'

interface Data {
  name: string
}

const examples = path.resolve(import.meta.dirname, '../..')
const about = {
  title: 'Flask twin',
  framework: 'Express',
  lives: 'The session lives in your browser, in one signed cookie that both apps read and write.',
}

/** The app, with the secret key that its twin has too. */
export function twin(SECRET_KEY: string): express.Express {
  const sessions = createSessions<Data>(
    flaskConfig({
      SECRET_KEY,
      SESSION_COOKIE_NAME: 'twin_session',
      SESSION_COOKIE_SAMESITE: 'Lax',
      SESSION_REFRESH_EACH_REQUEST: false,
    }),
  )
  const session = expressSession(sessions)

  const app = express()
  const views = new nunjucks.Environment(
    new nunjucks.FileSystemLoader([
      path.join(examples, 'flask-twin/templates'),
      path.join(examples, 'shared'),
    ]),
    { autoescape: true },
  )
    .addGlobal('session', visitors)
    .addGlobal('get_flashed_messages', () => visitors.flashes())
    .addGlobal('app', about)
    .addGlobal('here', 'TypeScript')
    .addGlobal('there', 'Flask')
  views.express(app)

  app.use(express.urlencoded(), session)
  app.use((req, res, next) => {
    res.set('Cache-Control', 'no-store')
    withSession(session.of(req), next)
  })

  app.get('/', (req, res) => {
    if (session.of(req).get('name')) res.render('index.html')
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
    session.of(req).clear()
    session.of(req).name = text
    session.of(req).flash(`TypeScript has logged you in, ${text}.`)
    res.redirect('/')
  })

  app.get('/logout', (req, res) => {
    session.of(req).clear()
    session.of(req).flash('TypeScript has logged you out.')
    res.redirect('/login')
  })

  app.use((error: unknown, _req: express.Request, res: express.Response, _next: express.NextFunction) => {
    const { status, html } = errorPage(views, error)
    res.status(status).send(html)
  })
  return app
}
