// A list that everybody shares, beside a list for each visitor.
import type { Server } from 'node:http'
import { serve } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { createSessions } from 'hipflask'
import { withSession } from 'hipflask/current'
import { honoSession, type SessionVariables } from 'hipflask/hono'
import { inspect } from 'hipflask/inspector'
import { errorPage } from '../shared/error-page.ts'
import { onEvent } from '../shared/observer.ts'
import { type Field, readField } from '../shared/read-field.ts'
import { templates } from '../shared/templates.ts'
import { storeFor } from '../store.ts'

interface Data {
  items: string[]
}

const mostItems = 1000

/** Everybody's list: one array for the whole process. */
const shared: string[] = []

/** Each visitor's own list: one session for each. */
export const sessions = createSessions<Data>({
  store: storeFor('lists'),
  cookie: { name: 'lists_session' },
  onEvent,
})

const app = new Hono<{ Variables: SessionVariables<Data> }>()
const views = templates('lists')

app.all('/__sessions/*', inspect(sessions).hono) // what the sessions do, for this machine alone
app.use(bodyLimit({ maxSize: 100_000 }))
app.use('/session', honoSession(sessions)) // the shared list has no use for sessions
app.use('/session', (c, next) => {
  c.header('Cache-Control', 'no-store')
  return withSession(c.var.session, next) // so `session` in every template is this visitor's
})

app.get('/', (c) => c.html(views.render('index.html', { items: shared })))

app.post('/', async (c) => {
  const { text, problem } = await newItem(c, shared)
  if (problem !== null)
    return c.html(views.render('index.html', { items: shared, typed: text, problem }), 422)
  shared.push(text)
  return c.redirect('/')
})

app.get('/session', (c) => c.html(views.render('index_with_session.html')))

app.post('/session', async (c) => {
  const { session } = c.var
  const { text, problem } = await newItem(c, session.get('items', []))
  if (problem !== null) return c.html(views.render('index_with_session.html', { typed: text, problem }), 422)
  // Of two additions at the same moment none is lost: the slower one runs again on the list of the faster one.
  session.update('items', (items = []) => (items.length < mostItems ? [...items, text] : items))
  return c.redirect('/session')
})

/** The form's item, and what speaks against adding it to a list. */
async function newItem(c: Context, list: readonly string[]): Promise<Field> {
  const { item } = await c.req.parseBody()
  const { text, problem } = readField(item, 'an item', 60)
  const full = list.length < mostItems ? null : `This list is full: ${mostItems} items are the most.`
  return { text, problem: problem ?? full }
}

app.onError((error, c) => {
  const { status, html } = errorPage(views, error)
  return c.html(html, status)
})

export const listen = (port: number, hostname: string) =>
  serve({ fetch: app.fetch, port, hostname }) as Server
