import { createClient } from 'redis'
import { Browser } from './browser.js'

const requests = 50

/** Sequential requests of each kind; `after` says what the session of the browser is. */
const scenes = { S1: '/read', S2: '/write', S3: '/plain', S3c: '/plain' }

/**
 * What a request costs a store: commands that clients sent to Redis (its MONITOR shows them, and what scripts did
 * inside apart), or statements sent to PostgreSQL, per request of 50 in sequence; and the Cookie header's bytes.
 */
export async function commandsOf(server, { kind }, redisUrl) {
  const told = {}
  const browser = new Browser(server.port)
  await browser.ask('/enter')
  const cookie = browser.jar.header
  for (const [scene, page] of Object.entries(scenes)) {
    const visitor = scene === 'S3' ? new Browser(server.port) : browser
    const counted = await countersOf(kind, server, redisUrl)
    for (let i = 0; i < requests; i++) {
      if (scene === 'S3') await new Browser(server.port).ask(page)
      else await visitor.ask(page)
    }
    told[scene] = await counted()
  }
  return { bytes: Buffer.byteLength(cookie), commands: kind in ways ? told : null }
}

const ways = {
  redis: countRedis,
  ioredis: countRedis,
  postgres: async (server) => {
    const { statements } = await server.usage()
    return async () => {
      const sent = (await server.usage()).statements - statements
      return { each: sent / requests, names: { SQL: sent / requests } }
    }
  },
}

async function countersOf(kind, server, redisUrl) {
  const way = ways[kind]
  return way === undefined ? async () => null : way(server, redisUrl)
}

async function countRedis(_server, url) {
  const client = await createClient({ url })
    .on('error', () => undefined)
    .connect()
  const last = await createClient({ url })
    .on('error', () => undefined)
    .connect()
  const names = {}
  let ended
  const finished = new Promise((resolve) => (ended = resolve))
  await client.monitor((line) => {
    const [, where, name] = /^[\d.]+ \[\d+ (\S+)\] "([^"]+)"/.exec(line) ?? []
    if (name === undefined) return
    if (name.toUpperCase() === 'ECHO') return ended()
    if (where !== 'lua') names[name.toUpperCase()] = (names[name.toUpperCase()] ?? 0) + 1
  })
  return async () => {
    await last.echo('the end')
    await finished
    client.destroy()
    last.destroy()
    const each = Object.values(names).reduce((sum, count) => sum + count, 0) / requests
    return { each, names: Object.fromEntries(Object.entries(names).map(([name, n]) => [name, n / requests])) }
  }
}
