import http from 'node:http'
import { H3, toNodeHandler, useSession } from 'h3'
import { pages } from '../pages.js'
import { updated } from '../uses.js'
import { secret } from '../world.js'

const config = { name: 'session', password: secret, cookie: { secure: false, path: '/' } }

const libraries = {
  none: () => pages(null),
  h3: () => pages(updated, (event) => useSession(event, config)),
}

export async function serve(place) {
  const app = new H3()
  for (const [path, handler] of Object.entries(libraries[place.library]())) {
    app.get(path, (event) => {
      const send = (page) => {
        if (typeof page === 'string') return page
        event.res.status = 302
        event.res.headers.set('location', page.location)
        return page.body
      }
      const page = handler(event)
      return page instanceof Promise ? page.then(send) : send(page)
    })
  }
  return http.createServer(toNodeHandler(app)).listen(0, '127.0.0.1')
}
