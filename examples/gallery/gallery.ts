import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import path from 'node:path'
import type { VisitSource } from 'hipflask'
import nunjucks from 'nunjucks'
import { type AppName, appNames, apps } from '../apps.ts'
import { namedStore, sessionDirectory, storeFor } from '../store.ts'
import { inCookie, inStore, type Stored } from './stored.ts'
import { type Trace, watch } from './trace.ts'

const examples = path.resolve(import.meta.dirname, '../..')
const script = readFileSync(path.join(examples, 'gallery/gallery.js'))
const mostTraces = 6

/** What the gallery knows of a running example. */
interface Shown {
  readonly url: string
  readonly traces: Trace[]
  /** The cookie of the last request: where the session itself travels in it, that is all there is to show. */
  cookie: string | null
}

/** The page that explains the examples and shows what they do while they do it. */
export class Gallery {
  readonly server: Server = createServer((request, response) => void this.#answer(request, response))
  readonly #shown = new Map<AppName, Shown>()
  readonly #listeners = new Set<ServerResponse>()
  readonly #views = new nunjucks.Environment(
    new nunjucks.FileSystemLoader([path.join(examples, 'gallery/templates'), path.join(examples, 'shared')]),
    { autoescape: true },
  ).addFilter('clock', (at: Date) => at.toLocaleTimeString('en-GB'))

  /** Shows an example from now on. */
  add<Data>(name: AppName, url: string, server: Server, sessions: VisitSource<Data>): void {
    const shown: Shown = { url, traces: [], cookie: null }
    this.#shown.set(name, shown)
    watch(server, sessions, `${name}_session`, (trace, cookie) => {
      shown.traces.unshift(trace)
      shown.traces.length = Math.min(shown.traces.length, mostTraces)
      shown.cookie = cookie
      void this.#tell(name)
    })
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // What the visitors of the examples typed is for this machine alone, also when a foreign page's name leads here.
    const host = (request.headers.host ?? '').replace(/:\d+$/, '')
    if (!['localhost', '127.0.0.1', '[::1]'].includes(host)) response.writeHead(403).end()
    else if (request.method !== 'GET') response.writeHead(405, { allow: 'GET' }).end()
    else if (request.url === '/events') this.#listen(response)
    else if (request.url === '/gallery.js')
      response.writeHead(200, { 'content-type': 'text/javascript' }).end(script)
    else if (request.url === '/') response.writeHead(200, pageHeaders).end(await this.#page(host))
    else
      response
        .writeHead(404, { 'content-type': 'text/plain' })
        .end('There is nothing here; the gallery is at /\n')
  }

  async #page(host: string): Promise<string> {
    const running = appNames.filter((name) => this.#shown.has(name))
    return this.#views.render('gallery.html', {
      examples: await Promise.all(running.map((name) => this.#example(name, host))),
    })
  }

  #listen(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    response.write(': hello\n\n')
    this.#listeners.add(response)
    response.once('close', () => this.#listeners.delete(response))
  }

  async #tell(name: AppName): Promise<void> {
    if (this.#listeners.size === 0) return
    const html = this.#views.render('live.html', { example: await this.#example(name) })
    for (const listener of this.#listeners) listener.write(`data: ${JSON.stringify({ name, html })}\n\n`)
  }

  async #example(name: AppName, host = 'localhost'): Promise<object> {
    const { url, traces, cookie } = this.#shown.get(name)!
    const stored: Stored = name === 'profile' ? inCookie(cookie) : await inStore(storeFor(name))
    // A redirect and where it led are one step to whoever made it.
    const steps = traces.findIndex(({ status }, i) => i > 0 && !status.startsWith('3'))
    const count = traces.length === 0 ? 0 : steps === -1 ? traces.length : steps
    const latest = traces.slice(0, count).toReversed()
    const earlier = traces.slice(count)
    return {
      ...apps[name],
      name,
      // To an inspector a page under another name of this machine is another site.
      url: url.replace('localhost', host),
      code: `examples/${name}/app.ts`,
      latest,
      earlier,
      stored,
      keeps: keeps(name),
    }
  }
}

const pageHeaders = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'unsafe-inline'; img-src data:",
}

function keeps(name: AppName): { heading: string; place: string; empty: string } {
  if (name === 'profile') {
    return {
      heading: 'In the browser’s cookie',
      place: 'nothing on the server; this is what anyone can read in the cookie of the last request',
      empty: 'That browser has no cookie.',
    }
  }
  if (namedStore !== null) {
    return {
      heading: 'In its store',
      place: 'the store that SESSION_STORE names, which the examples share',
      empty: 'Nothing that can be listed.',
    }
  }
  const directory = path.join(sessionDirectory, name)
  const near = path.relative(path.dirname(examples), directory)
  const place = near.startsWith('..') ? directory : near
  return { heading: 'In its store', place: `${place}/`, empty: 'No file: nobody has a session.' }
}
