import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { nodeSession, type SessionRequest } from '../../src/adapters/node.ts'
import { createSessions } from '../../src/index.ts'
import { TroubledStore } from '../../src/testing/adapter-cases/troubled-store.ts'
import { type Served, TestClient } from '../../src/testing/index.ts'
import { need } from '../real/need.ts'
import { listen } from './servers.ts'

interface Data {
  name: string
}

let store: TroubledStore
const running: Served[] = []
beforeEach(() => {
  store = new TroubledStore(false)
})
afterEach(async () => {
  vi.restoreAllMocks()
  for (const served of running.splice(0)) await served.close()
})

async function clientOf(
  server: http.Server | https.Server | http2.Http2SecureServer,
  protocol?: string,
): Promise<TestClient> {
  const served = await listen(server, protocol)
  running.push(served)
  return new TestClient(served.origin, {
    http2: !(server instanceof http.Server || server instanceof https.Server),
  })
}

const openssl = need('openssl', 'apt-get install openssl', 'openssl')

describe.skipIf(openssl === null)(
  'over TLS the cookie is Secure and has the name that only HTTPS can set',
  () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'hipflask-tls-'))
    const [key, cert] = [path.join(folder, 'key.pem'), path.join(folder, 'cert.pem')]
    if (openssl !== null) {
      const request =
        'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost'
      execFileSync(openssl, [...request.split(' '), '-keyout', key, '-out', cert], { stdio: 'ignore' })
    }
    afterAll(() => rmSync(folder, { recursive: true }))

    const tls = () => ({ key: readFileSync(key), cert: readFileSync(cert) })

    it('node:https', async () => {
      const listener = nodeSession(createSessions<Data>({ store }), (request, response) => {
        if (request.url === '/set') request.session.name = 'Ada'
        response.end(request.session.name)
      })
      const client = await clientOf(https.createServer(tls(), listener), 'https:')
      const { setCookies } = await client.ask('/set')
      expect(setCookies[0]).toMatch(/^__Host-session=.*; Secure/)
      expect((await client.ask('/get')).text).toBe('Ada')
    })

    it('node:http2', async () => {
      const server = http2.createSecureServer(
        tls(),
        nodeSession(
          createSessions<Data>({ store }),
          (request: SessionRequest<Data, http2.Http2ServerRequest>, response: http2.Http2ServerResponse) => {
            if (request.url === '/set') request.session.name = 'Ada'
            response.end(request.session.name ?? '')
          },
        ),
      )
      const client = await clientOf(server, 'https:')
      const { setCookies } = await client.ask('/set')
      expect(setCookies[0]).toMatch(/^__Host-session=.*; Secure/)
      expect((await client.ask('/get')).text).toBe('Ada')
    })

    it('a trusted proxy that says http has the last word', async () => {
      const listener = nodeSession(
        createSessions<Data>({ store }),
        (request, response) => {
          request.session.name = 'Ada'
          response.end()
        },
        { trustProxy: true },
      )
      const client = await clientOf(https.createServer(tls(), listener), 'https:')
      const { setCookies } = await client.ask('/', { headers: { 'x-forwarded-proto': 'http' } })
      expect(setCookies[0]).toMatch(/^session=/)
    })
  },
)

it('onError answers what the handler throws and what cannot be stored', async () => {
  const listener = nodeSession(
    createSessions<Data>({ store }),
    (request, response) => {
      request.session.name = 'Ada'
      if (request.url === '/throw') throw new Error('This page is meant to fail')
      response.end('page')
    },
    {
      onError: (error, request, response) => {
        response.statusCode = 503
        response.end(`${request.url}: ${Reflect.get(error as object, 'code')}`)
      },
    },
  )
  const client = await clientOf(http.createServer(listener))
  const thrown = await client.ask('/throw')
  expect([thrown.status, thrown.text, thrown.setCookies.length]).toEqual([503, '/throw: undefined', 1])
  store.failing.add('update')
  const failed = await client.ask('/save')
  expect([failed.status, failed.text, failed.setCookies.length]).toEqual([200, 'page', 0])
  store.failing.add('create')
  client.cookies.clear()
  const unsaved = await client.ask('/save')
  expect([unsaved.status, unsaved.text, unsaved.setCookies.length]).toEqual([
    503,
    '/save: ERR_SESSION_STORE',
    0,
  ])
})

it('without onError the error is printed and the answer a bare 500', async () => {
  const print = vi.spyOn(console, 'error').mockReturnValue()
  const error = new Error('This page is meant to fail')
  const listener = nodeSession(createSessions<Data>({ store }), async () => {
    throw error
  })
  const response = await (await clientOf(http.createServer(listener))).ask('/')
  expect([response.status, response.text]).toEqual([500, 'Internal Server Error'])
  expect(print).toHaveBeenCalledExactlyOnceWith(error)
})

it('a handler that throws in mid-answer breaks the connection, so that no half page passes for a whole one', async () => {
  const print = vi.spyOn(console, 'error').mockReturnValue()
  const listener = nodeSession(createSessions<Data>({ store }), async (_, response) => {
    response.write('half a')
    await new Promise((resolve) => setImmediate(resolve))
    throw new Error('This page is meant to fail')
  })
  await expect((await clientOf(http.createServer(listener))).ask('/')).rejects.toThrow(/aborted|hang up/)
  expect(print).toHaveBeenCalledOnce()
})

it('a handler that throws after its answer does not take it back', async () => {
  const print = vi.spyOn(console, 'error').mockReturnValue()
  const listener = nodeSession(createSessions<Data>({ store }), (request, response) => {
    request.session.name = 'Ada'
    response.end('page')
    throw new Error('This page is meant to fail')
  })
  const response = await (await clientOf(http.createServer(listener))).ask('/')
  expect([response.status, response.text, response.setCookies.length]).toEqual([200, 'page', 1])
  expect(print).toHaveBeenCalledOnce()
})

it('a request that has a session of other origin is refused', async () => {
  const print = vi.spyOn(console, 'error').mockReturnValue()
  const inner = nodeSession(createSessions<Data>({ store }), (_, response) => response.end('not reached'))
  const outer = nodeSession(createSessions<Data>({ store }), inner)
  const response = await (await clientOf(http.createServer(outer))).ask('/')
  expect(response.status).toBe(500)
  expect(print).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ code: 'ERR_SESSION_CONFIG' }))
})
