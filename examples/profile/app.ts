// Keeps the session in the browser: a cookie in Flask's format, signed, for seven days.
import Koa, { type DefaultState } from 'koa'
import bodyParser from 'koa-bodyparser'
import { createSessions } from 'hipflask'
import { withSession } from 'hipflask/current'
import { flaskCookie } from 'hipflask/flask'
import { inspect } from 'hipflask/inspector'
import { koaSession, type SessionContext } from 'hipflask/koa'
import { errorPage } from '../shared/error-page.ts'
import { onEvent } from '../shared/observer.ts'
import { readField } from '../shared/read-field.ts'
import { secretKey } from '../shared/secret.ts'
import { templates } from '../shared/templates.ts'

interface Data {
  username: string
}

const secret = secretKey()

export const sessions = createSessions<Data>({
  codec: flaskCookie({ secret }),
  cookie: { name: 'profile_session' },
  lifetime: '7 days',
  onEvent,
})

const app = new Koa<DefaultState, SessionContext<Data>>()
const views = templates('profile')

app.use(async (ctx, next) => {
  try {
    await next()
  } catch (error) {
    const { status, html } = errorPage(views, error)
    ctx.status = status
    ctx.body = html
  }
})
app.use(inspect(sessions, { secrets: { SECRET_KEY: secret } }).koa('/__sessions')) // what the sessions do, for this machine alone
app.use(bodyParser())
app.use(koaSession(sessions))
app.use((ctx, next) => {
  ctx.set('Cache-Control', 'no-store') // a page about a visitor is kept nowhere
  return withSession(ctx.session, next) // so `session` in every template is this visitor's
})

app.use((ctx) => {
  const { session } = ctx
  switch (`${ctx.method} ${ctx.path}`) {
    case 'GET /login':
      ctx.body = views.render('login.html')
      break

    case 'POST /login': {
      const { username } = ctx.request.body as { username?: unknown }
      const { text, problem } = readField(username, 'a username', 100)
      if (problem !== null) {
        ctx.status = 422
        ctx.body = views.render('login.html', { typed: text, problem })
        break
      }
      session.username = text
      session.permanent = true
      ctx.redirect('/profile')
      break
    }

    case 'GET /':
    case 'GET /profile':
      if ('username' in session) ctx.body = views.render('profile.html')
      else ctx.redirect('/login')
      break

    case 'GET /logout':
      session.pop('username', null)
      ctx.redirect('/login')
      break
  }
})

export const listen = (port: number, host: string) => app.listen(port, host)
