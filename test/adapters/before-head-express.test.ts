import http from 'node:http'
import { Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import compression from 'compression'
import express5 from 'express'
import express4 from 'express4'
import { afterEach, describe, expect, it } from 'vitest'
import { beforeExpressHead } from '../../src/adapters/before-express-head.ts'
import { beforeHead } from '../../src/adapters/before-head.ts'
import { carry } from '../../src/adapters/mount.ts'
import type { ResponseFacts, Visit, VisitSource } from '../../src/contracts/visit.ts'
import { type Answer, serve, type Served } from './wire.ts'

const COOKIE: ResponseFacts = { setCookie: 'sid=1; Path=/', vary: true }
const SMALL = 'a small page'
const LARGE = 'abcdefghijklmnopqrstuvwxyz'.repeat(40_000)
const SORRY = 'sorry'.repeat(200_000)

const running: Served[] = []
afterEach(async () => {
  for (const served of running.splice(0)) await served.close()
})

const modes = {
  'at once': (): ResponseFacts => COOKIE,
  later: async (): Promise<ResponseFacts> => {
    await turn()
    return COOKIE
  },
}

type Guard = (
  request: express5.Request,
  response: express5.Response,
  close: Plan['close'],
  next: express5.NextFunction,
) => void

const guards: Record<string, Guard> = {
  'guarded itself': (_, response, close, next) => beforeHead(response, close, next),
  'guarded by what it inherits': (request, response, close, next) => {
    carry(request, {} as VisitSource<unknown>, {} as Visit<unknown>)
    beforeExpressHead(request, response, close, next)
  },
}

interface Plan {
  readonly guard: Guard
  readonly close: () => ResponseFacts | Promise<ResponseFacts>
  readonly before?: express5.RequestHandler
  readonly after?: express5.RequestHandler
  readonly handler: express5.RequestHandler
  readonly errorPage?: express5.ErrorRequestHandler
}

async function ask(express: typeof express5, plan: Plan, method = 'GET'): Promise<Answer> {
  const app = express()
  if (plan.before) app.use(plan.before)
  app.use((req, res, next) => {
    plan.guard(req, res, plan.close, next)
    next()
  })
  if (plan.after) app.use(plan.after)
  app.use(plan.handler)
  if (plan.errorPage) app.use(plan.errorPage)
  app.set('env', 'test')
  const served = await serve('http', app)
  running.push(served)
  return served.ask({ method, headers: { 'Accept-Encoding': 'gzip' } })
}

const unpacked = (answer: Answer): string =>
  (answer.headers['content-encoding'] === 'gzip' ? gunzipSync(answer.body) : answer.body).toString()

const pages: Record<string, express5.RequestHandler> = {
  'a small page': (_, res) => void res.type('html').send(SMALL),
  'a large page': (_, res) => void res.type('html').send(LARGE),
  'a large page after its head': (_, res) => {
    res.type('html').flushHeaders()
    res.end(LARGE)
  },
  'a small pipe': (_, res) => void Readable.from([Buffer.from(SMALL)]).pipe(res.type('html')),
  'a large pipe': (_, res) => {
    const parts = LARGE.match(/.{1,9999}/gs)!.map((part) => Buffer.from(part))
    Readable.from(parts).pipe(res.type('html'))
  },
}

const whenWritten: express5.RequestHandler = (_, res, next) => {
  const writeHead = res.writeHead.bind(res)
  res.writeHead = function (...args: unknown[]) {
    res.setHeader('X-Time', '1')
    return Reflect.apply(writeHead, res, args)
  }
  next()
}

const failing = (): Plan['close'] => {
  let asked = 0
  return async () => {
    await turn()
    if (asked++ === 0) throw Object.assign(new Error('store down'), { status: 503 })
    return { setCookie: null, vary: true }
  }
}

const apology: express5.ErrorRequestHandler = (error: Error, _, res, _next) => {
  expect(res.headersSent).toBe(false)
  res.type('text').send(`sorry: ${error.message}`)
}

const longApology: express5.ErrorRequestHandler = (_error, _, res, _next) => {
  Readable.from([Buffer.from(SORRY), Buffer.from(SORRY)]).pipe(res.type('text'))
}

const express = { 'Express 4': express4, 'Express 5': express5 }

const everywhere = Object.entries(express).flatMap(([name, express]) =>
  Object.entries(guards).map(([how, guard]) => [name, how, express, guard] as const),
)

describe.each(everywhere)('%s: a response %s', (_name, _how, express, guard) => {
  describe.each(Object.entries(modes))('closed %s', (_, close) => {
    it('json', async () => {
      const answer = await ask(express, { guard, close, handler: (_, res) => void res.json({ a: 1 }) })
      expect(JSON.parse(answer.text)).toEqual({ a: 1 })
      expect(answer.cookies).toEqual(['sid=1; Path=/'])
      expect(answer.headers.etag).toMatch(/^W\//)
    })

    it('a redirect leaves after the close', async () => {
      const order: string[] = []
      const answer = await ask(express, {
        guard,
        close: async () => {
          await turn()
          order.push('closed')
          return close()
        },
        handler: (_, res) => {
          res.on('finish', () => order.push('sent'))
          res.cookie('theme', 'dark').redirect('/next')
        },
      })
      expect([answer.status, answer.headers.location]).toEqual([302, '/next'])
      expect(answer.cookies).toEqual(['theme=dark; Path=/', 'sid=1; Path=/'])
      expect(order).toEqual(['closed', 'sent'])
    })

    it.each(Object.entries(pages))('%s beside compression, before and after', async (name, handler) => {
      const expected = name.includes('large') ? LARGE : SMALL
      for (const place of ['before', 'after']) {
        const answer = await ask(express, { guard, close, [place]: compression(), handler })
        expect(unpacked(answer), place).toBe(expected)
        expect(answer.cookies, place).toEqual(['sid=1; Path=/'])
        expect(answer.headers['cache-control']).toBe('no-store')
        expect(answer.headers.vary?.toLowerCase().split(', ').toSorted()).toEqual([
          'accept-encoding',
          'cookie',
        ])
      }
    })

    it('HEAD and a page not modified', async () => {
      const handler: express5.RequestHandler = (_, res) => void res.send(SMALL)
      const head = await ask(express, { guard, close, handler }, 'HEAD')
      expect([head.text, head.headers['content-length']]).toEqual(['', String(SMALL.length)])
      expect(head.cookies).toEqual(['sid=1; Path=/'])
    })

    it('a middleware that sets headers when the head is written, before and after', async () => {
      for (const place of ['before', 'after']) {
        const answer = await ask(express, {
          guard,
          close,
          [place]: whenWritten,
          handler: pages['a small page']!,
        })
        expect([answer.text, answer.headers['x-time']]).toEqual([SMALL, '1'])
        expect(answer.cookies).toEqual(['sid=1; Path=/'])
      }
    })
  })

  describe('when the close fails', () => {
    it('Express’s own error page answers', async () => {
      const answer = await ask(express, {
        guard,
        close: failing(),
        handler: (_, res) => void res.json({ ok: true }),
      })
      expect(answer.status).toBe(503)
      expect(answer.text).not.toContain('ok')
      expect(answer.cookies).toEqual([])
      expect(answer.headers.etag).toBeUndefined()
    })

    it.each(Object.entries(pages))('%s gives way to the app’s, beside compression', async (_, handler) => {
      for (const place of ['before', 'after', 'nowhere']) {
        const plan = { guard, close: failing(), handler, errorPage: apology, [place]: compression() }
        const answer = await ask(express, plan)
        expect([answer.status, unpacked(answer)], place).toEqual([500, 'sorry: store down'])
        expect(answer.cookies).toEqual([])
      }
    })

    it.each(['a large page', 'a large pipe'])('%s gives way to a large one that is whole', async (page) => {
      for (const place of ['before', 'after', 'nowhere']) {
        const plan = { guard, close: failing(), handler: pages[page]!, errorPage: longApology }
        const answer = await ask(express, { ...plan, [place]: compression() })
        expect([answer.status, unpacked(answer) === SORRY + SORRY], place).toEqual([500, true])
      }
    })
  })
})

describe.each(Object.entries(express))('%s: guards that responses inherit', (_, express) => {
  const close = async (): Promise<ResponseFacts> => {
    await turn()
    return COOKIE
  }
  const inherited = guards['guarded by what it inherits']!
  const guarding: express5.RequestHandler = (req, res, next) => {
    inherited(req, res, close, next)
    next()
  }

  async function askApp(app: express5.Express, path = '/'): Promise<Answer> {
    const served = await serve('http', app)
    running.push(served)
    return served.ask({ path })
  }

  /** An app whose first close fails, after a middleware. */
  function failingAfter(before: express5.RequestHandler, errorPage = apology): express5.Express {
    const close = failing()
    const app = express()
    app.set('env', 'test')
    app.use(before)
    app.use((req, res, next) => {
      inherited(req, res, close, next)
      next()
    })
    app.get('/', (_, res) => void res.send('page'))
    app.use(errorPage)
    return app
  }

  it('an `on` that another middleware laid before stays, on the error page too', async () => {
    const heard: string[] = []
    const app = failingAfter(
      (_, res, next) => {
        const on = res.on.bind(res)
        res.on = (event: string, listener: (...args: any[]) => void) => {
          heard.push(event)
          return on(event, listener)
        }
        next()
      },
      (_error, _, res, _next) => {
        res.on('finish', () => undefined)
        res.send('sorry')
      },
    )
    expect((await askApp(app)).text).toBe('sorry')
    expect(heard).toContain('finish')
  })

  it('nothing is laid over the response itself, and while it waits it looks sent', async () => {
    const seen: unknown[] = []
    const app = express()
    app.use(guarding)
    app.get('/', (_, res) => {
      const before = Object.keys(res)
      res.end('page')
      seen.push(res.headersSent, res.writableEnded)
      expect(() => res.setHeader('X-Late', '1')).toThrow(
        expect.objectContaining({ code: 'ERR_HTTP_HEADERS_SENT' }),
      )
      seen.push(Object.keys(res).filter((name) => !before.includes(name)))
    })
    const answer = await askApp(app)
    expect([answer.text, answer.cookies]).toEqual(['page', ['sid=1; Path=/']])
    expect(seen).toEqual([true, true, []])
    expect(answer.headers['x-late']).toBeUndefined()
  })

  it('a response without a session is left alone', async () => {
    const app = express()
    app.use('/with', guarding)
    app.use((_, res) => {
      res.setHeader('X-Sent', String(res.headersSent))
      res.end('page')
    })
    expect((await askApp(app, '/with')).cookies).toHaveLength(1)
    const without = await askApp(app)
    expect([without.text, without.headers['x-sent'], without.cookies]).toEqual(['page', 'false', []])
  })

  it('an app in an app, and one that was asked by itself before, get their cookie once', async () => {
    const inner = express()
    inner.use(guarding)
    inner.use((_, res) => void res.send('page'))
    expect((await askApp(inner)).cookies).toEqual(['sid=1; Path=/'])
    const outer = express()
    outer.use('/inner', inner)
    outer.use(guarding)
    outer.use((_, res) => void res.send('outer'))
    expect((await askApp(outer, '/inner/page')).cookies).toEqual(['sid=1; Path=/'])
    expect((await askApp(outer, '/page')).cookies).toEqual(['sid=1; Path=/'])
  })

  it('an app that lays its own methods over all responses afterwards keeps them and its cookies', async () => {
    const app = express()
    app.use(guarding)
    app.use((_, res) => void res.send('page'))
    expect((await askApp(app)).cookies).toHaveLength(1)
    const { end } = http.ServerResponse.prototype
    app.response.end = function counted(this: express5.Response, ...args: unknown[]) {
      this.setHeader('X-Own', '1')
      return Reflect.apply(end, this, args)
    }
    const answer = await askApp(app)
    expect([answer.text, answer.headers['x-own'], answer.cookies]).toEqual(['page', '1', ['sid=1; Path=/']])
  })

  it('what another middleware laid before stays, on the error page too', async () => {
    const ended: number[] = []
    const app = failingAfter((_, res, next) => {
      const { end } = res
      res.end = function noted(this: express5.Response, ...args: unknown[]) {
        ended.push(this.statusCode)
        return Reflect.apply(end, this, args)
      } as typeof end
      next()
    })
    const answer = await askApp(app)
    expect([answer.status, answer.text]).toEqual([500, 'sorry: store down'])
    expect(ended).toEqual([500])
  })

  it('a response that is none of the app’s is guarded itself', async () => {
    const app = express()
    app.use((_, res, next) => {
      Object.setPrototypeOf(res, http.ServerResponse.prototype)
      next()
    })
    app.use(guarding)
    app.use((_, res) => void res.end('page'))
    expect((await askApp(app)).cookies).toEqual(['sid=1; Path=/'])
  })
})
