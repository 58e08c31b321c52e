import http from 'node:http'
import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, describe, expect, test } from 'vitest'
import { nodeSession } from '../../src/adapters/node.ts'
import { createSessions } from '../../src/index.ts'
import { openStore } from '../../src/stores/url.ts'
import { redisProgram, startRedis } from '../real/redis.ts'
import { dice, number, seed, tell } from './reliability-page.ts'

/* Many visitors whose connections break at any moment: nobody is ever answered with another visitor's data. */
const requests = 100_000
const visitors = 500
const inFlight = 64
const folder = mkdtempSync(path.join(os.tmpdir(), 'hipflask-isolation-'))
const rows: Record<string, string>[] = []
afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
  tell('isolation', `${visitors} visitors, ${inFlight} requests in flight, over node:http.`, rows)
})

interface Data {
  canary: string
  visits: number
}

const places: [name: string, program: unknown, start: () => Promise<{ url: string; stop: () => unknown }>][] =
  [
    ['file', true, async () => ({ url: `file:${folder}/sessions`, stop: () => undefined })],
    [
      'redis',
      redisProgram,
      async () => {
        const server = await startRedis()
        return { url: `redis://127.0.0.1:${server.port}`, stop: () => server.stop() }
      },
    ],
  ]

describe.each(places)('%s', (name, program, start) => {
  test.skipIf(program === null)(
    `${requests} requests of ${visitors} visitors with broken connections (seed ${seed}): no foreign answer`,
    { timeout: 900_000 },
    async () => {
      const place = await start()
      const store = await openStore(place.url)
      const sessions = createSessions<Data>({ store, cookie: { prefix: false } })
      const random = dice(seed)
      const server = http.createServer(
        nodeSession(sessions, async (req, res) => {
          const mine = req.headers['x-visitor'] as string
          const { session } = req
          session.canary ??= mine
          const seen = session.canary
          if (random() < 0.3) await pause(random() * 3)
          if (random() < 0.3) session.update('visits', (n = 0) => n + 1)
          if (random() < 0.02) {
            cut++
            return void res.destroy()
          }
          res.end(seen)
        }),
      )
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      const { port } = server.address() as AddressInfo
      const agent = new http.Agent({ keepAlive: true, maxSockets: inFlight })
      const jars = new Map<string, string>()
      const foreign: string[] = []
      let answered = 0
      let broken = 0
      let cut = 0
      let reset = 0

      const ask = (visitor: string, breaksAfter: number | null, resets: boolean): Promise<void> =>
        new Promise((resolve) => {
          const cookie = jars.get(visitor)
          const request = http.get(
            {
              port,
              host: '127.0.0.1',
              agent,
              headers: { 'x-visitor': visitor, ...(cookie === undefined ? {} : { cookie }) },
            },
            (response) => {
              let body = ''
              response.on('data', (chunk) => (body += String(chunk)))
              response.on('end', () => {
                answered++
                if (response.statusCode !== 200 || body !== visitor)
                  foreign.push(`${visitor} was answered ${response.statusCode} ${body}`)
                const line = response.headers['set-cookie']?.[0]
                if (line !== undefined && cookie === undefined) jars.set(visitor, line.split(';')[0]!)
                resolve()
              })
              response.on('error', () => resolve())
            },
          )
          request.on('error', () => {
            broken++
            resolve()
          })
          if (breaksAfter === null) return
          void pause(breaksAfter).then(() => {
            if (!resets || request.socket === null || request.closed) return request.destroy()
            reset++
            request.socket.resetAndDestroy()
          })
        })

      let left = requests
      const lane = async (at: number): Promise<void> => {
        const own = dice(seed + at)
        while (left-- > 0) {
          await ask(`visitor-${Math.floor(own() * visitors)}`, own() < 0.1 ? own() * 4 : null, own() < 0.5)
        }
      }
      try {
        await Promise.all(Array.from({ length: inFlight }, (__, at) => lane(at)))
        rows.push({
          store: name,
          requests: number(requests),
          answered: number(answered),
          'broken off': number(broken),
          'of these reset by the client': number(reset),
          'cut by the server': number(cut),
          'answers with another visitor’s data': number(foreign.length),
        })
        expect(foreign).toEqual([])
        expect(reset).toBeGreaterThan(requests / 200)
        expect(answered).toBeGreaterThan(requests / 2)
        expect(broken).toBeGreaterThan(requests / 100)
      } finally {
        agent.destroy()
        await new Promise((resolve) => server.close(resolve))
        await store.close()
        await place.stop()
      }
    },
  )
})
