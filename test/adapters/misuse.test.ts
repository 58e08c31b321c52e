import { expect, test } from 'vitest'
import { expressSession } from '../../src/adapters/express.ts'
import { fastifySession } from '../../src/adapters/fastify.ts'
import { fetchSession } from '../../src/adapters/fetch.ts'
import { honoSession } from '../../src/adapters/hono.ts'
import { koaSession } from '../../src/adapters/koa.ts'
import { nodeSession } from '../../src/adapters/node.ts'

const adapters = { expressSession, fastifySession, fetchSession, honoSession, koaSession, nodeSession }

test.each(Object.entries(adapters))('%s says what it takes, before the first request', (name, adapter) => {
  for (const given of [undefined, { secret: 'keyboard cat', resave: false }, 'secret'])
    expect(() => (adapter as (given: unknown, handler?: unknown) => unknown)(given, () => {})).toThrow(
      expect.objectContaining({
        code: 'ERR_SESSION_CONFIG',
        message: expect.stringContaining(`${name}(createSessions(`),
      }),
    )
})
