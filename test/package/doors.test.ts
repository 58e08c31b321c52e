import http from 'node:http'
import express from 'express'
import { expect, test } from 'vitest'
import { listen } from '../adapters/servers.ts'

/** The built package, by its doors, as an app imports it. */
const door = async (name: string): Promise<any> => import(name)

test('there is one SessionError, whichever doors are imported', async () => {
  const { SessionError } = await door('hipflask')
  const { fileStore } = await door('hipflask/stores/file')
  const { sealedCookie } = await door('hipflask/codecs/sealed')
  expect(() => sealedCookie({})).toThrow(SessionError)
  expect(() => fileStore({})).toThrow(SessionError)
})

test('adapters from two doors find the one session of a request', async () => {
  const { createSessions } = await door('hipflask')
  const { memoryStore } = await door('hipflask/stores/memory')
  const { nodeSession } = await door('hipflask/node')
  const { expressSession } = await door('hipflask/express')
  const sessions = createSessions({ store: memoryStore() })
  const app = express()
  app.use(expressSession(sessions))
  app.get(
    '/',
    (request, response) => void response.json({ empty: Object.keys(request.session).length === 0 }),
  )
  const served = await listen(http.createServer(nodeSession(sessions, app)))
  try {
    expect(await (await fetch(served.origin)).json()).toEqual({ empty: true })
  } finally {
    await served.close()
  }
})
