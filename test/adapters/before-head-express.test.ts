import { Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import compression from 'compression'
import express5 from 'express'
import express4 from 'express4'
import { afterEach, describe, expect, it } from 'vitest'
import { beforeHead } from '../../src/adapters/before-head.ts'
import type { ResponseFacts } from '../../src/contracts/visit.ts'
import { type Answer, serve, type Served } from './wire.ts'

const COOKIE: ResponseFacts = { setCookie: 'sid=1; Path=/', vary: true }
const SMALL = 'a small page'
const LARGE = 'abcdefghijklmnopqrstuvwxyz'.repeat(40_000)

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

interface Plan {
  readonly close: () => ResponseFacts | Promise<ResponseFacts>
  readonly before?: express5.RequestHandler
  readonly after?: express5.RequestHandler
  readonly handler: express5.RequestHandler
  readonly errorPage?: express5.ErrorRequestHandler
}

async function ask(express: typeof express5, plan: Plan, method = 'GET'): Promise<Answer> {
  const app = express()
  if (plan.before) app.use(plan.before)
  app.use((_, res, next) => {
    beforeHead(res, plan.close, next)
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
  Readable.from([Buffer.from(LARGE), Buffer.from(LARGE)]).pipe(res.type('text'))
}

const express = { 'Express 4': express4, 'Express 5': express5 }

describe.each(Object.entries(express))('%s', (_, express) => {
  describe.each(Object.entries(modes))('closed %s', (_, close) => {
    it('json', async () => {
      const answer = await ask(express, { close, handler: (_, res) => void res.json({ a: 1 }) })
      expect(JSON.parse(answer.text)).toEqual({ a: 1 })
      expect(answer.cookies).toEqual(['sid=1; Path=/'])
      expect(answer.headers.etag).toMatch(/^W\//)
    })

    it('a redirect leaves after the close', async () => {
      const order: string[] = []
      const answer = await ask(express, {
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
        const answer = await ask(express, { close, [place]: compression(), handler })
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
      const head = await ask(express, { close, handler }, 'HEAD')
      expect([head.text, head.headers['content-length']]).toEqual(['', String(SMALL.length)])
      expect(head.cookies).toEqual(['sid=1; Path=/'])
    })

    it('a middleware that sets headers when the head is written, before and after', async () => {
      for (const place of ['before', 'after']) {
        const answer = await ask(express, { close, [place]: whenWritten, handler: pages['a small page']! })
        expect([answer.text, answer.headers['x-time']]).toEqual([SMALL, '1'])
        expect(answer.cookies).toEqual(['sid=1; Path=/'])
      }
    })
  })

  describe('when the close fails', () => {
    it('Express’s own error page answers', async () => {
      const answer = await ask(express, {
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
        const plan = { close: failing(), handler, errorPage: apology, [place]: compression() }
        const answer = await ask(express, plan)
        expect([answer.status, unpacked(answer)], place).toEqual([500, 'sorry: store down'])
        expect(answer.cookies).toEqual([])
      }
    })

    it('a large error page is compressed and whole, beside compression', async () => {
      for (const place of ['before', 'after']) {
        const answer = await ask(express, {
          close: failing(),
          handler: pages['a large page']!,
          errorPage: longApology,
          [place]: compression(),
        })
        expect([answer.status, unpacked(answer) === LARGE + LARGE], place).toEqual([500, true])
      }
    })
  })
})
