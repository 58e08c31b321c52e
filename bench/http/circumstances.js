import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { machine } from '../machine.js'

const bench = path.join(import.meta.dirname, '..')
const names = [
  ...['hipflask', 'express', 'fastify', 'koa', 'hono', '@hono/node-server', 'h3'],
  ...[
    'express-session',
    'connect-redis',
    'session-file-store',
    'connect-pg-simple',
    'cookie-session',
    'iron-session',
  ],
  ...['@fastify/session', '@fastify/cookie', '@fastify/secure-session', 'koa-session', 'hono-sessions'],
  ...['redis', 'ioredis', 'pg', 'better-sqlite3'],
]

/** On what the figures were taken: the machine with the date, and the version of everything that took part. */
export function circumstances(tools) {
  const versions = Object.fromEntries(names.map((name) => [name, versionOf(name)]))
  const wrk = /wrk (\S+)/.exec(said('wrk', '-v'))?.[1]
  return {
    machine: machine(),
    versions: {
      ...versions,
      wrk,
      ...(tools.redis && { Redis: tools.redis.version }),
      ...(tools.postgres && { PostgreSQL: tools.postgres.version }),
      ...tools.python?.versions,
      ...tools.go?.versions,
    },
  }
}

function versionOf(name) {
  // Not every package lets its package.json be asked for by name.
  const found = createRequire(path.join(bench, 'x'))
    .resolve.paths(name)
    .map((folder) => path.join(folder, name, 'package.json'))
  for (const file of found) {
    try {
      return JSON.parse(readFileSync(file, 'utf8')).version
    } catch (error) {
      if (error.code !== 'ENOENT') throw error
    }
  }
  throw new Error(`${name} is not installed: npm ci`)
}

/** What a program prints, however it ends. */
function said(program, ...words) {
  try {
    return execFileSync(program, words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  } catch (error) {
    return `${error.stdout}${error.stderr}`
  }
}
