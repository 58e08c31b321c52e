/*
 * Everything that is measured: one line each. `library` is how a server is built, `kind` where the session lives (peers
 * are compared with hipflask and with the floor of the same kind), `label` its name on the page. `quick` lines are part
 * of the quick run. `needs` names what must be on the machine; `only` the loads, where not all of them are measured.
 */

const needs = { redis: 'redis', ioredis: 'redis', postgres: 'postgres' }
const line = (framework, library, kind, label, more) => ({
  ...{ framework, library, kind, label },
  ...(needs[kind] && { needs: needs[kind] }),
  ...more,
})
const quick = { quick: true }
const none = (framework) => line(framework, 'none', 'none', 'no session', quick)

/** hipflask on a framework: every kind it has, the named ones also in the quick run. */
function hipflask(framework, ...quickly) {
  const kinds = ['memory', 'file', 'sqlite', 'redis', 'ioredis', 'postgres', 'sealed', 'flask']
  // Files and SQL cost the same on every framework: the whole of it is measured on two.
  const short = new Set(['file', 'sqlite', 'postgres'])
  const brief = (kind) => framework !== 'node' && framework !== 'express' && short.has(kind)
  return kinds.map((kind) =>
    line(framework, 'hipflask', kind, `hipflask: ${names[kind]}`, {
      quick: quickly.includes(kind),
      ...(brief(kind) && { only: ['S1', 'S2'] }),
    }),
  )
}

/** A variant of hipflask that differs by its options alone. */
const lazy = (framework, kind, more) =>
  line(framework, 'hipflask', kind, `hipflask: ${names[kind]}, lazy`, {
    ...{ options: { lazy: true }, variant: 'lazy', ...more },
  })

function floors(framework, ...quickly) {
  return ['memory', 'file', 'sqlite', 'redis', 'ioredis', 'postgres', 'sealed', 'flask', 'signed'].map(
    (kind) =>
      line(framework, 'floor', kind, `floor: ${names[kind]}`, {
        quick: quickly.includes(kind),
      }),
  )
}

/** What the kinds are called for people. */
export const names = {
  none: 'no session',
  memory: 'memory',
  file: 'files',
  sqlite: 'SQLite',
  redis: 'Redis (node-redis)',
  ioredis: 'Redis (ioredis)',
  postgres: 'PostgreSQL',
  sealed: 'sealed cookie',
  flask: 'Flask’s cookie',
  signed: 'signed cookie',
}

/** What the frameworks are called for people, in the order of the page. */
export const frameworks = {
  node: 'node:http',
  express: 'Express 5',
  fastify: 'Fastify',
  koa: 'Koa',
  hono: 'Hono',
  h3: 'h3',
  flask: 'Flask under gunicorn',
  go: 'Go’s net/http',
}

export const places = [
  none('node'),
  ...hipflask('node', 'memory', 'redis', 'ioredis', 'sealed', 'flask'),
  lazy('node', 'redis', quick),
  line('node', 'iron-session', 'sealed', 'iron-session', quick),
  ...floors('node', 'memory', 'redis', 'ioredis', 'sealed', 'flask'),

  none('express'),
  ...hipflask('express', 'memory', 'redis', 'sealed', 'flask'),
  lazy('express', 'redis'),
  line('express', 'express-session', 'memory', 'express-session: memory', quick),
  line('express', 'express-session', 'redis', 'express-session: connect-redis', quick),
  line('express', 'express-session', 'file', 'express-session: session-file-store'),
  line('express', 'express-session', 'postgres', 'express-session: connect-pg-simple'),
  line('express', 'cookie-session', 'signed', 'cookie-session', quick),
  line('express', 'iron-session', 'sealed', 'iron-session'),
  ...floors('express', 'memory', 'redis', 'sealed', 'flask'),

  none('fastify'),
  ...hipflask('fastify', 'memory', 'redis', 'sealed'),
  lazy('fastify', 'redis'),
  line('fastify', '@fastify/session', 'memory', '@fastify/session: memory', { quick: true, rolling: true }),
  line('fastify', '@fastify/session', 'memory', '@fastify/session: memory, rolling off', { rolling: false }),
  line('fastify', '@fastify/session', 'redis', '@fastify/session: connect-redis', {
    quick: true,
    rolling: true,
  }),
  line('fastify', '@fastify/session', 'redis', '@fastify/session: connect-redis, rolling off', {
    rolling: false,
  }),
  line('fastify', '@fastify/secure-session', 'sealed', '@fastify/secure-session', quick),

  none('koa'),
  ...hipflask('koa', 'redis', 'flask'),
  lazy('koa', 'redis'),
  line('koa', 'koa-session', 'signed', 'koa-session: cookie', quick),
  line('koa', 'koa-session', 'redis', 'koa-session: Redis', quick),

  none('hono'),
  ...hipflask('hono', 'memory', 'sealed'),
  lazy('hono', 'redis'),
  line('hono', 'hono-sessions', 'memory', 'hono-sessions: memory', quick),
  line('hono', 'hono-sessions', 'redis', 'hono-sessions: Redis'),
  line('hono', 'hono-sessions', 'sealed', 'hono-sessions: cookie', quick),

  none('h3'),
  line('h3', 'h3', 'sealed', 'h3: useSession', quick),

  line('flask', 'none', 'none', 'no session', { needs: 'python', quick: true }),
  line('flask', 'flask', 'flask', 'Flask: its cookie', { needs: 'python', quick: true }),
  line('flask', 'flask-session', 'redis', 'Flask-Session: Redis', { needs: 'python' }),
  line('flask', 'flask-session', 'file', 'Flask-Session: files', { needs: 'python' }),

  line('go', 'none', 'none', 'no session', { needs: 'go', quick: true }),
  line('go', 'scs', 'memory', 'scs: memstore', { needs: 'go', quick: true }),
]

/** Whether lines hold the session on the same kind of place; a signed cookie is what Flask’s is. */
export function alike(a, b) {
  const group = (kind) => ({ ioredis: 'redis', signed: 'flask' })[kind] ?? kind
  return group(a) === group(b)
}
