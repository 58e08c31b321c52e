import http from 'node:http'
import { nodeSession } from 'hipflask/node'
import { floorOf } from '../floors.js'
import { sessionsOf } from '../hipflask.js'
import { pages } from '../pages.js'
import { dictionary, lazyDictionary } from '../uses.js'
import { ironSession } from './iron.js'

/** A server on node:http alone. */
const libraries = {
  none: () => listener(pages(null)),
  hipflask: async (place) => {
    const use = place.options?.lazy ? lazyDictionary : dictionary
    return nodeSession(await sessionsOf(place), listener(pages(use, (request) => request.session)))
  },
  floor: async ({ kind }) => {
    const { session, use } = await floorOf(kind)
    return listener(pages(use, session))
  },
  'iron-session': () => listener(pages(ironSession.use, ironSession.session)),
}

function listener(routes) {
  const answer = (response, page) => {
    response.setHeader('Content-Type', 'text/plain')
    if (typeof page === 'string') return response.end(page)
    response.statusCode = 302
    response.setHeader('Location', page.location)
    response.end(page.body)
  }
  return (request, response) => {
    const page = routes[request.url](request, response)
    if (page instanceof Promise) return page.then((text) => answer(response, text))
    answer(response, page)
  }
}

export async function serve(place) {
  return http.createServer(await libraries[place.library](place)).listen(0, '127.0.0.1')
}
