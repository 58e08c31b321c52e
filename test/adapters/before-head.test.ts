import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { pipeline, Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import * as fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { beforeHead } from '../../src/adapters/before-head.ts'
import type { Awaitable } from '../../src/contracts/store.ts'
import type { ResponseFacts } from '../../src/contracts/visit.ts'
import { deferred, type Kind, type Listener, serve, type Served } from './wire.ts'

const COOKIE: ResponseFacts = { setCookie: 'sid=1; Path=/', vary: true }
const NOTHING: ResponseFacts = { setCookie: null, vary: false }
const BIG = Buffer.alloc(8 * 1024 * 1024, 'abcdefghijklmnopqrstuvwxyz')

const running: Served[] = []
afterEach(async () => {
  for (const served of running.splice(0)) await served.close()
})

async function start(kind: Kind, listener: Listener): Promise<Served> {
  const served = await serve(kind, listener)
  running.push(served)
  return served
}

const closes = {
  'at once': (facts: ResponseFacts): Awaitable<ResponseFacts> => facts,
  later: async (facts: ResponseFacts): Promise<ResponseFacts> => {
    await turn()
    return facts
  },
}

/** What the engine answers when it is asked again after `facts`. */
const answering = (facts: ResponseFacts): (() => ResponseFacts) => {
  let asked = 0
  return () => (asked++ === 0 ? facts : { setCookie: null, vary: true })
}

const unexpected = (error: unknown): void => {
  throw error
}

const expectSession = (answer: { cookies: readonly string[]; headers: http.IncomingHttpHeaders }) => {
  expect(answer.cookies).toEqual(['sid=1; Path=/'])
  expect(answer.headers.vary).toBe('Cookie')
  expect(answer.headers['cache-control']).toBe('no-store')
}

/** The first close fails, a later one answers what the engine answers then. */
const failingOnce = (fail: () => Awaitable<ResponseFacts>): (() => Awaitable<ResponseFacts>) => {
  let asked = 0
  return () => (asked++ === 0 ? fail() : { setCookie: null, vary: true })
}

/** The handler behind a gate that answers COOKIE. */
const guarded =
  (when: keyof typeof closes, handler: Listener, facts = COOKIE): Listener =>
  (req, res) => {
    const answer = answering(facts)
    beforeHead(res, () => closes[when](answer()), unexpected)
    return handler(req, res)
  }

const kinds = ['http', 'http2'] as const
const matrix = kinds.flatMap((kind) => (['at once', 'later'] as const).map((when) => ({ kind, when })))

describe.each(matrix)('$kind, closed $when', ({ kind, when }) => {
  const ask = async (handler: Listener, method = 'GET') =>
    (await start(kind, guarded(when, handler))).ask({ method })

  it('end alone', async () => {
    const answer = await ask((_, res) => res.end('body'))
    expect(answer.status).toBe(200)
    expect(answer.text).toBe('body')
    expectSession(answer)
  })

  it('writeHead with an object, which overrides what was set before', async () => {
    const headers = { 'X-A': 'new', 'Set-Cookie': ['a=1', 'b=2'], Vary: 'Origin' }
    const before = structuredClone(headers)
    const answer = await ask((_, res) => {
      res.setHeader('x-a', 'old')
      res.setHeader('x-b', 'kept')
      res.writeHead(201, headers)
      res.end('body')
    })
    expect(answer.status).toBe(201)
    expect(answer.headers).toMatchObject({ 'x-a': 'new', 'x-b': 'kept', vary: 'Origin, Cookie' })
    expect(answer.cookies).toEqual(['a=1', 'b=2', 'sid=1; Path=/'])
    expect(headers).toEqual(before)
  })

  it('writeHead with a status message', async () => {
    const answer = await ask((_, res) => {
      if (kind === 'http') res.writeHead(202, 'Taken', { 'X-A': '1' })
      else res.writeHead(202, { 'X-A': '1' })
      res.end()
    })
    expect(answer.status).toBe(202)
    if (kind === 'http') expect(answer.message).toBe('Taken')
    expect(answer.headers['x-a']).toBe('1')
    expectSession(answer)
  })

  it.each([
    ['a flat array', ['X-A', '1', 'Set-Cookie', 'a=1', 'set-cookie', 'b=2', 'Cache-Control', 'private']],
    [
      'an array of pairs',
      [
        ['X-A', '1'],
        ['Set-Cookie', 'a=1'],
        ['set-cookie', 'b=2'],
        ['Cache-Control', 'private'],
      ],
    ],
  ])('writeHead with %s, which stays as it is', async (_, headers) => {
    const before = structuredClone(headers)
    const answer = await ask((_req, res) => {
      res.setHeader('X-B', '2')
      res.writeHead(200, headers)
      res.end('body')
    })
    expect(headers).toEqual(before)
    expect(answer.headers).toMatchObject({
      'x-a': '1',
      'x-b': '2',
      'cache-control': 'private',
      vary: 'Cookie',
    })
    expect(answer.cookies).toEqual(['a=1', 'b=2', 'sid=1; Path=/'])
    expect(answer.text).toBe('body')
  })

  it('the app may reuse the objects it passed to writeHead', async () => {
    const shared: Record<string, string | string[]> = { 'X-A': 'mine', 'Set-Cookie': ['a=1'] }
    const answer = await ask((_, res) => {
      res.writeHead(200, shared)
      shared['X-A'] = 'of another request'
      ;(shared['Set-Cookie'] as string[]).push('b=2')
      res.end()
    })
    expect(answer.headers['x-a']).toBe('mine')
    expect(answer.cookies).toEqual(['a=1', 'sid=1; Path=/'])
  })

  it('flushHeaders lets the head leave before the body is there', async () => {
    const body = deferred<string>()
    const server = await start(
      kind,
      guarded(when, async (_, res) => {
        res.setHeader('X-A', '1')
        res.flushHeaders()
        res.end(await body.promise)
      }),
    )
    if (kind === 'http') {
      const [response] = (await once(http.get(server.origin), 'response')) as [http.IncomingMessage]
      expect(response.headers['set-cookie']).toEqual(['sid=1; Path=/'])
      body.resolve('late')
      expect(Buffer.concat(await Readable.from(response).toArray()).toString()).toBe('late')
    } else {
      body.resolve('late')
      expectSession(await server.ask())
    }
  })

  it('flushHeaders tells whoever lays a writeHead over it, before the body comes', async () => {
    const answer = await ask((_, res) => {
      const { writeHead, end } = res
      let told = false
      res.writeHead = (...args: unknown[]) => {
        told = true
        return Reflect.apply(writeHead, res, args)
      }
      res.end = () => Reflect.apply(end, res, [told ? 'told' : 'not told'])
      res.flushHeaders()
      res.end()
    })
    expect(answer.text).toBe('told')
    expectSession(answer)
  })

  it('several writes, encodings and callbacks keep their order', async () => {
    const order: string[] = []
    const done = deferred<void>()
    const answer = await ask((_, res) => {
      res.write('a', () => order.push('a'))
      res.write('YmM=', 'base64', () => order.push('bc'))
      res.write(Buffer.from('d'))
      res.write(new Uint8Array([0x65]), () => order.push('e'))
      res.end('Zg==', 'base64', () => {
        order.push('end')
        done.resolve()
      })
    })
    expect(answer.text).toBe('abcdef')
    expectSession(answer)
    await done.promise
    expect(order).toEqual(['a', 'bc', 'e', 'end'])
  })

  it('end with nothing but a callback', async () => {
    const done = deferred<void>()
    const answer = await ask((_, res) => res.end(() => done.resolve()))
    expect(answer.text).toBe('')
    expectSession(answer)
    await done.promise
  })

  it('keeps the app’s cookies in order and sends one of its own name', async () => {
    const mine = ['a=1', 'sid=forged', 'b=2']
    const answer = await ask((_, res) => {
      res.setHeader('Set-Cookie', mine)
      res.end()
    })
    expect(answer.cookies).toEqual(['a=1', 'b=2', 'sid=1; Path=/'])
    expect(mine).toEqual(['a=1', 'sid=forged', 'b=2'])
  })

  it.each([204, 304, 302])('status %i carries the session and no body', async (status) => {
    const answer = await ask((_, res) => {
      res.statusCode = status
      if (status === 302) res.setHeader('Location', '/next')
      res.end()
    })
    expect(answer.status).toBe(status)
    expect(answer.text).toBe('')
    expectSession(answer)
  })

  it('HEAD carries the session and no body', async () => {
    const answer = await ask((_, res) => {
      res.setHeader('Content-Length', '4')
      res.end('body')
    }, 'HEAD')
    expect(answer.headers['content-length']).toBe('4')
    expect(answer.text).toBe('')
    expectSession(answer)
  })

  it('8 MB through a pipe, with backpressure', async () => {
    let most = 0
    const answer = await ask((_, res) => {
      let at = 0
      const source = new Readable({
        read(size) {
          this.push(at < BIG.length ? BIG.subarray(at, (at += Math.min(size, BIG.length - at))) : null)
        },
      })
      source.on('data', () => (most = Math.max(most, res.writableLength)))
      source.pipe(res)
    })
    expect(answer.body.equals(BIG)).toBe(true)
    expect(most).toBeLessThan(4 * 1024 * 1024)
    expectSession(answer)
  })

  it('8 MB through stream.pipeline', async () => {
    const done = deferred<unknown>()
    const answer = await ask((_, res) =>
      pipeline(Readable.from([BIG]), res, (error: unknown) => done.resolve(error)),
    )
    expect(answer.body.equals(BIG)).toBe(true)
    expect(await done.promise).toBeUndefined()
  })

  it('trailers', async () => {
    const answer = await ask((_, res) => {
      res.setHeader('Trailer', 'X-Sum')
      res.write('body')
      res.addTrailers({ 'X-Sum': '42' })
      res.end()
    })
    expect(answer.trailers['x-sum']).toBe('42')
    expect(answer.text).toBe('body')
    expectSession(answer)
  })

  it('end twice', async () => {
    const answer = await ask((_, res) => {
      res.end('body')
      res.end()
    })
    expect(answer.text).toBe('body')
    expectSession(answer)
  })

  it('asks once, however many calls follow', async () => {
    let asked = 0
    const server = await start(kind, async (_, res) => {
      beforeHead(res, () => (asked++, closes[when](COOKIE)), unexpected)
      res.writeHead(200)
      res.write('a')
      await turn()
      res.write('b')
      await turn()
      res.end('c')
    })
    expect((await server.ask()).text).toBe('abc')
    expect(asked).toBe(1)
  })

  it('puts back all that looked sent while it waited', async () => {
    const done = deferred<string[]>()
    const names = ['headersSent', 'writableEnded', 'setHeader', 'appendHeader', 'removeHeader', 'on']
    await ask((_, res) => {
      res.end('body')
      res.on('finish', () => done.resolve(names.filter((name) => Object.hasOwn(res, name))))
    })
    expect(await done.promise).toEqual([])
  })

  it('passes every call on to the methods it found, once: those of another middleware', async () => {
    const calls: string[] = []
    const server = await start(kind, (_, res) => {
      for (const name of ['writeHead', 'write', 'end'] as const) {
        const inherited = res[name]
        res[name] = function (...args: unknown[]) {
          calls.push(name)
          return inherited.apply(this, args)
        }
      }
      beforeHead(res, () => closes[when](COOKIE), unexpected)
      res.write('a')
      res.write('b')
      res.end()
    })
    expect((await server.ask()).text).toBe('ab')
    expect(calls.filter((name) => name !== 'writeHead')).toEqual(['write', 'write', 'end'])
  })

  it('leaves the methods of a middleware that wrapped them later', async () => {
    const done = deferred<boolean>()
    const answer = await ask((_, res) => {
      const before = res.end
      const wrapped = (...args: unknown[]) => before.apply(res, ['[', ...args].join('').concat(']'))
      res.end = function (text: string) {
        return before.call(this, `[${text}]`)
      }
      const mine = res.end
      res.end('body')
      res.on('finish', () => done.resolve(res.end === mine && typeof wrapped === 'function'))
    })
    expect(answer.text).toBe('[body]')
    expectSession(answer)
    expect(await done.promise).toBe(true)
  })

  it('two gates on one response: both cookies, both before the head', async () => {
    const server = await start(kind, (_, res) => {
      beforeHead(res, () => closes[when](COOKIE), unexpected)
      beforeHead(res, () => closes[when]({ setCookie: 'admin=2', vary: true }), unexpected)
      res.end('body')
    })
    const answer = await server.ask()
    expect(answer.text).toBe('body')
    expect(answer.cookies.toSorted()).toEqual(['admin=2', 'sid=1; Path=/'])
    expect(answer.headers.vary).toBe('Cookie')
  })

  it('informational responses do not ask', async () => {
    const asked: string[] = []
    const server = await start(kind, (_, res) => {
      beforeHead(res, () => (asked.push('asked'), closes[when](COOKIE)), unexpected)
      res.writeContinue()
      if (kind === 'http') res.writeProcessing()
      res.writeEarlyHints({ link: '</style.css>; rel=preload' })
      asked.push('informed')
      res.end('body')
    })
    expect((await server.ask()).text).toBe('body')
    expect(asked).toEqual(['informed', 'asked'])
  })

  it('an untouched session leaves no trace', async () => {
    const server = await start(
      kind,
      guarded(when, (_, res) => res.writeHead(200, { 'X-A': '1' }).end('body'), NOTHING),
    )
    const { headers } = await server.ask()
    expect(headers).not.toHaveProperty('set-cookie')
    expect(headers).not.toHaveProperty('vary')
    expect(headers).not.toHaveProperty('cache-control')
    expect(headers['x-a']).toBe('1')
  })

  it('a stream of events arrives one by one', async () => {
    const next = [deferred<void>(), deferred<void>()]
    const server = await start(
      kind,
      guarded(when, async (_, res) => {
        res.writeHead(200, { 'Content-Type': 'text/event-stream' })
        res.write('data: 1\n\n')
        await next[0]!.promise
        res.write('data: 2\n\n')
        await next[1]!.promise
        res.end()
      }),
    )
    if (kind === 'http2') {
      for (const step of next) step.resolve()
      expect((await server.ask()).text).toBe('data: 1\n\ndata: 2\n\n')
      return
    }
    const [response] = (await once(http.get(server.origin), 'response')) as [http.IncomingMessage]
    expect(response.headers['set-cookie']).toEqual(['sid=1; Path=/'])
    const seen: string[] = []
    for await (const chunk of response) next[seen.push(String(chunk)) - 1]?.resolve()
    expect(seen).toEqual(['data: 1\n\n', 'data: 2\n\n'])
  })
})

describe.each(kinds)('%s while it is closing', (kind) => {
  it('looks sent, is not, and cannot be changed', async () => {
    const seen: Record<string, unknown> = {}
    const closing = deferred<ResponseFacts>()
    const server = await start(kind, async (_, res) => {
      beforeHead(res, () => closing.promise, unexpected)
      seen['before'] = [res.headersSent, res.writableEnded]
      res.setHeader('X-A', 'in time')
      res.statusCode = 201
      seen['write'] = res.write('a')
      seen['writing'] = [res.headersSent, res.writableEnded]
      expect(() => res.setHeader('X-A', 'late')).toThrow(
        expect.objectContaining({ code: 'ERR_HTTP_HEADERS_SENT' }),
      )
      expect(() => res.appendHeader('X-A', 'late')).toThrow(/on its way/)
      expect(() => res.removeHeader('X-A')).toThrow(/on its way/)
      expect(() => res.writeHead(500)).toThrow(/on its way/)
      res.statusCode = 500
      seen['end'] = res.end('b') === res
      seen['ending'] = [res.headersSent, res.writableEnded]
      await turn()
      closing.resolve(COOKIE)
    })
    const answer = await server.ask()
    expect(answer.status).toBe(201)
    expect(answer.text).toBe('ab')
    expect(answer.headers['x-a']).toBe('in time')
    expect(seen).toEqual({
      before: [false, false],
      write: false,
      writing: [true, false],
      end: true,
      ending: [true, true],
    })
  })

  it('emits drain to whoever was refused a write', async () => {
    const server = await start(
      kind,
      guarded('later', (_, res) => {
        const words = ['a', 'b', 'c']
        const more = (): void => {
          let room = true
          while (room && words.length > 0) room = res.write(words.shift())
          if (words.length === 0) res.end()
        }
        res.on('drain', more)
        more()
      }),
    )
    expect((await server.ask()).text).toBe('abc')
  })

  it('a second page for one request cannot mix with the first', async () => {
    const server = await start(
      kind,
      guarded('later', (_, res) => {
        res.setHeader('Content-Length', 5)
        res.end('first')
        try {
          res.setHeader('Content-Length', 12)
          res.end('the second')
        } catch (error) {
          expect(error).toMatchObject({ code: 'ERR_HTTP_HEADERS_SENT' })
        }
      }),
    )
    const answer = await server.ask()
    expect(answer.text).toBe('first')
    expect(answer.headers['content-length']).toBe('5')
  })

  it('a response that is destroyed meanwhile stays silent', async () => {
    const closing = deferred<ResponseFacts>()
    const done = deferred<void>()
    const server = await start(kind, async (_, res) => {
      beforeHead(res, () => closing.promise, unexpected)
      res.on('error', unexpected)
      res.write('a')
      res.end('b')
      if (kind === 'http') res.destroy()
      else res.stream.destroy()
      await turn()
      closing.resolve(COOKIE)
      await turn()
      await turn()
      done.resolve()
    })
    await expect(server.ask()).rejects.toThrow()
    await done.promise
  })

  it.each(['stores', 'fails'])('a client that hangs up: the close %s, and nobody is hurt', async (how) => {
    const closing = deferred<ResponseFacts>()
    const gone = deferred<void>()
    const failed: unknown[] = []
    const done = deferred<void>()
    const server = await start(kind, async (_, res) => {
      beforeHead(
        res,
        () => closing.promise,
        (error) => {
          failed.push(error)
          res.end('error page')
        },
      )
      res.write('a')
      res.end('b')
      res.on('close', () => gone.resolve())
      await gone.promise
      if (how === 'stores') closing.resolve(COOKIE)
      else closing.reject(new Error('store down'))
      await turn()
      await turn()
      done.resolve()
    })
    const { port, hostname } = new URL(server.origin)
    if (kind === 'http') {
      const socket = net.connect(Number(port), hostname)
      socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n', () => setTimeout(() => socket.destroy(), 20))
    } else {
      const session = (await import('node:http2')).connect(server.origin)
      const stream = session.request()
      stream.on('error', () => {})
      setTimeout(() => stream.close(8), 20)
      void done.promise.then(() => session.destroy())
    }
    await done.promise
    expect(failed.length).toBe(how === 'stores' ? 0 : 1)
  })

  it('a client that hung up before the answer: it is closed all the same', async () => {
    const gone = deferred<void>()
    const closed = deferred<string>()
    const server = await start(kind, async (_, res) => {
      beforeHead(res, () => (closed.resolve('closed'), closes.later(COOKIE)), unexpected)
      res.on('close', () => gone.resolve())
      await gone.promise
      res.end('nobody hears')
    })
    const { port, hostname } = new URL(server.origin)
    if (kind === 'http') {
      const socket = net.connect(Number(port), hostname)
      socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n', () => setTimeout(() => socket.destroy(), 20))
      expect(await closed.promise).toBe('closed')
    } else {
      const session = (await import('node:http2')).connect(server.origin)
      const stream = session.request()
      stream.on('error', () => {})
      setTimeout(() => stream.close(8), 20)
      expect(await closed.promise).toBe('closed')
      session.destroy()
    }
    await turn()
    await turn()
  })
})

describe.each(kinds)('%s when the close fails', (kind) => {
  const down = new Error('store down')
  const fails = {
    'by a rejection': async (): Promise<ResponseFacts> => {
      await turn()
      throw down
    },
    'by a throw': (): ResponseFacts => {
      throw down
    },
  }

  it.each(Object.entries(fails))('%s: nothing was sent, and the error page goes out', async (_, fail) => {
    const seen: unknown[] = []
    const callbacks: unknown[] = []
    const done = deferred<void>()
    const server = await start(kind, (_req, res) => {
      beforeHead(res, failingOnce(fail), (error) => {
        seen.push(error, res.headersSent, res.writableEnded, res.statusCode, res.getHeaderNames())
        res.setHeader('Content-Type', 'text/plain')
        res.end('sorry')
      })
      res.setHeader('Content-Security-Policy', 'default-src none')
      res.setHeader('X-Trace', '7')
      if (kind === 'http') res.statusMessage = 'Fine'
      res.setHeader('ETag', '"page"')
      res.setHeader('Cache-Control', 'public, max-age=600')
      res.setHeader('Content-Encoding', 'gzip')
      res.setHeader('Content-Length', 4000)
      res.write('secret page', (error: unknown) => callbacks.push(error))
      res.end((error: unknown) => {
        callbacks.push(error)
        done.resolve()
      })
    })
    const answer = await server.ask()
    expect(answer.status).toBe(500)
    if (kind === 'http') expect(answer.message).toBe('Internal Server Error')
    expect(answer.text).toBe('sorry')
    expect(answer.cookies).toEqual([])
    expect(answer.headers).toMatchObject({ 'x-trace': '7', 'content-type': 'text/plain', vary: 'Cookie' })
    for (const name of ['etag', 'cache-control', 'content-encoding'])
      expect(answer.headers).not.toHaveProperty(name)
    expect(seen).toEqual([down, false, false, 500, ['content-security-policy', 'x-trace']])
    await done.promise
    expect(callbacks).toEqual([down, down])
  })

  it('headers given to writeHead go with the page', async () => {
    const server = await start(kind, (_, res) => {
      beforeHead(res, failingOnce(fails['by a rejection']), () => res.end('sorry'))
      if (kind === 'http')
        res.writeHead(200, 'Fine', { 'Set-Cookie': 'in=1', 'X-A': '1', 'Content-Length': 9 })
      else res.writeHead(200, { 'Set-Cookie': 'in=1', 'X-A': '1', 'Content-Length': 9 })
      res.end('body body')
    })
    const answer = await server.ask()
    expect([answer.status, answer.text]).toEqual([500, 'sorry'])
    if (kind === 'http') expect(answer.message).toBe('Internal Server Error')
    expect(answer.cookies).toEqual([])
    expect(answer.headers).not.toHaveProperty('x-a')
  })

  it('an error page may have its own status and be closed later, too', async () => {
    let asked = 0
    const server = await start(kind, (_, res) => {
      beforeHead(
        res,
        async () => {
          await turn()
          if (asked++ === 0) throw down
          return { setCookie: null, vary: true }
        },
        () => res.writeHead(503, { 'Retry-After': '5' }).end('later'),
      )
      res.end('body')
    })
    const answer = await server.ask()
    expect([answer.status, answer.text, answer.headers['retry-after']]).toEqual([503, 'later', '5'])
  })

  it('a close that fails again does not keep the error page', async () => {
    let failures = 0
    const server = await start(kind, (_, res) => {
      beforeHead(res, fails['by a rejection'], () => {
        failures++
        res.end('sorry')
      })
      res.end('body')
    })
    const answer = await server.ask()
    expect([answer.status, answer.text, failures]).toEqual([500, 'sorry', 1])
  })

  it('a handler that goes on writing neither joins the error page nor crashes', async () => {
    const late: unknown[] = []
    const done = deferred<void>()
    const server = await start(kind, async (_, res) => {
      beforeHead(res, failingOnce(fails['by a rejection']), () => res.end('sorry'))
      res.on('error', unexpected)
      res.write('one')
      await new Promise((resolve) => res.on('finish', resolve))
      late.push(res.write('two', (error: unknown) => late.push(error)))
      late.push(res.end('three') === res)
      await turn()
      done.resolve()
    })
    const answer = await server.ask()
    expect([answer.status, answer.text]).toEqual([500, 'sorry'])
    await done.promise
    expect(late).toEqual([false, true, down])
  })

  it('a middleware that holds on to the methods of the dropped page writes into nothing', async () => {
    const told: unknown[] = []
    const server = await start(kind, (_, res) => {
      const write = res.write
      beforeHead(res, failingOnce(fails['by a rejection']), async () => {
        told.push(held('dropped', (error: unknown) => told.push(error)))
        await turn()
        res.end('sorry')
      })
      const held = res.write.bind(res)
      expect(res.write).not.toBe(write)
      res.end('page')
    })
    expect((await server.ask()).text).toBe('sorry')
    expect(told).toEqual([false, down])
  })

  it('a piped page stops, and never has a success status', async () => {
    const server = await start(kind, (_, res) => {
      beforeHead(res, failingOnce(fails['by a rejection']), async () => {
        await turn()
        res.end('sorry')
      })
      Readable.from([BIG.subarray(0, 100_000), BIG.subarray(0, 100_000)]).pipe(res)
    })
    const answer = await server.ask()
    expect([answer.status, answer.text]).toEqual([500, 'sorry'])
  })

  it('an error page that waits for drain wakes nobody who waited with the dropped page', async () => {
    const drained: string[] = []
    const sorry = 'sorry'.repeat(100_000)
    const server = await start(kind, (_, res) => {
      res.on('drain', () => drained.push('before the gate'))
      beforeHead(res, failingOnce(fails['by a rejection']), () => {
        Readable.from([sorry, sorry].map((part) => Buffer.from(part))).pipe(res)
      })
      res.on('drain', () => drained.push('with the page'))
      Readable.from([BIG.subarray(0, 100_000), BIG.subarray(0, 100_000)]).pipe(res)
    })
    const answer = await server.ask()
    expect([answer.status, answer.text === sorry + sorry]).toEqual([500, true])
    expect(new Set(drained)).toEqual(new Set(['before the gate']))
  })

  it('a head that Node refuses is an error for the error page, which keeps the cookie', async () => {
    const codes: unknown[] = []
    const server = await start(kind, (_, res) => {
      const answer = answering(COOKIE)
      beforeHead(
        res,
        () => closes.later(answer()),
        (error) => {
          codes.push((error as { code: string }).code)
          res.writeHead(500, { 'Content-Type': 'text/plain' })
          res.end('sorry')
        },
      )
      res.writeHead(200, { 'X-Bad': undefined })
      res.end('body')
    })
    const answer = await server.ask()
    expect([answer.status, answer.text]).toEqual([500, 'sorry'])
    expect(codes).toEqual([
      kind === 'http' ? 'ERR_HTTP_INVALID_HEADER_VALUE' : 'ERR_HTTP2_INVALID_HEADER_VALUE',
    ])
    expect(answer.cookies).toEqual(['sid=1; Path=/'])
    expect(answer.headers['cache-control']).toBe('no-store')
  })
})

it('a head that Node refuses at once throws where it is written, and the next head keeps the cookie', async () => {
  const server = await start(
    'http',
    guarded('at once', (_, res) => {
      expect(() => res.writeHead(200, { 'X-Bad': 'line\nbreak' })).toThrow(
        expect.objectContaining({ code: 'ERR_INVALID_CHAR' }),
      )
      res.writeHead(500)
      res.end('sorry')
    }),
  )
  const answer = await server.ask()
  expect([answer.status, answer.text]).toEqual([500, 'sorry'])
  expect(answer.cookies).toEqual(['sid=1; Path=/'])
})

it('trailers go with the page whose close failed', async () => {
  const down = async (): Promise<never> => {
    await turn()
    throw new Error('store down')
  }
  const server = await start('http', (_, res) => {
    beforeHead(res, failingOnce(down), () => {
      res.write('sor')
      res.end('ry')
    })
    res.setHeader('Trailer', 'X-Sum')
    res.write('body')
    res.addTrailers({ 'X-Sum': '42' })
    res.end()
  })
  const answer = await server.ask()
  expect([answer.status, answer.text, answer.trailers]).toEqual([500, 'sorry', {}])
})

it('an upgrade goes its own way', async () => {
  const server = http.createServer(guarded('later', (_, res) => res.end('page')))
  server.on('upgrade', (_, socket) =>
    socket.end('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'),
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  const request = http.get({ port, host: '127.0.0.1', headers: { Connection: 'Upgrade', Upgrade: 'x' } })
  const [response] = (await once(request, 'upgrade')) as [http.IncomingMessage]
  expect(response.statusCode).toBe(101)
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
})

describe('with nothing to add, the bytes on the wire are those without a gate', () => {
  const header = fc.constantFrom<[string, string]>(
    ['X-A', '1'],
    ['x-a', '2'],
    ['X-B', 'b'],
    ['Content-Type', 'text/x'],
  )
  const head = fc
    .tuple(
      fc.constantFrom(200, 201, 302, 404),
      fc.option(fc.constantFrom('Fine', 'Hm'), { nil: undefined }),
      fc.option(fc.uniqueArray(header, { maxLength: 3, selector: ([name]) => name.toLowerCase() }), {
        nil: undefined,
      }),
      fc.constantFrom('object', 'flat'),
    )
    .map(([status, message, headers, form]) => {
      const given = headers && (form === 'flat' ? headers.flat() : Object.fromEntries(headers))
      return {
        call: 'writeHead',
        args: [status, ...(message === undefined ? [] : [message]), ...(given ? [given] : [])],
      }
    })
  const chunk = fc.constantFrom<unknown>('text', Buffer.from('bytes'), new Uint8Array([65, 66]))
  const script = fc
    .tuple(
      fc.array(
        header.map((args) => ({ call: 'setHeader', args: args as unknown[] })),
        { maxLength: 2 },
      ),
      fc.option(head, { nil: undefined }),
      fc.array(
        fc.oneof(
          chunk.map((it) => ({ call: 'write', args: [it] })),
          fc.constant({ call: 'flushHeaders', args: [] as unknown[] }),
        ),
        { maxLength: 3 },
      ),
      fc.option(chunk, { nil: undefined }),
    )
    .map(([set, written, body, last]) =>
      set.concat(written ?? [], body, { call: 'end', args: last === undefined ? [] : [last] }),
    )

  it.each(['at once', 'later'] as const)('closed %s', async (when) => {
    let steps: { call: string; args: unknown[] }[] = []
    const server = await start('http', (req, res) => {
      if (req.url === '/guarded') beforeHead(res, () => closes[when](NOTHING), unexpected)
      res.sendDate = false
      for (const { call, args } of steps) res[call](...args)
    })
    const { port, hostname } = new URL(server.origin)
    const bytes = async (path: string): Promise<string> => {
      const socket = net.connect(Number(port), hostname)
      socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
      return Buffer.concat(await Readable.from(socket).toArray()).toString('latin1')
    }
    await fc.assert(
      fc.asyncProperty(script, async (given) => {
        steps = given
        expect(await bytes('/guarded')).toBe(await bytes('/plain'))
      }),
      { numRuns: 150 },
    )
  })
})
