import { execFile } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify, inspect } from 'node:util'
import { pathToFileURL } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { openStore } from '../../src/stores/url.ts'
import type { OpenedStore } from '../../src/stores/url.ts'
import { alive, freshRecord, plain } from '../../src/testing/store-cases/store-case.ts'
import { mariadbProgram, startMariadb } from '../real/mariadb.ts'
import { memcachedProgram, startMemcached } from '../real/memcached.ts'
import { need } from '../real/need.ts'
import { postgresProgram, startPostgres } from '../real/postgres.ts'
import { redisProgram, redisCli, startCluster, startRedis, startSentinel } from '../real/redis.ts'
import { startServer } from '../real/server.ts'
import type { Server } from '../real/server.ts'
import { Sqlite } from '../real/sqlite.ts'

// Servers are started and stopped in these tests, beside whatever else the machine does.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const run = promisify(execFile)
const folder = mkdtempSync(path.join(tmpdir(), 'hipflask-url-'))
const opened: OpenedStore[] = []

async function open(url: string): Promise<OpenedStore> {
  const store = await openStore(url)
  opened.push(store)
  return store
}

afterEach(async () => {
  for (const store of opened.splice(0)) await store.close()
})

afterAll(() => rmSync(folder, { recursive: true }))

/** What one opened store keeps another one finds; closing twice is closing once. */
async function works(url: string, options: { alone?: boolean } = {}): Promise<void> {
  const store = await open(url)
  const record = freshRecord({ user: 'anna', data: '{"a":1}' })
  expect(await store.create(record)).toBe(true)
  const other = options.alone === true ? store : await open(url)
  const read = await alive(other, record.id)
  expect(plain(read)).toEqual(record)
  expect(await other.update({ ...record, data: '{"a":2}' }, read.version)).toBe('done')
  expect((await alive(store, record.id)).data).toBe('{"a":2}')
  expect(await store.delete(record.id)).toBe(true)
  await store.close()
  await store.close()
}

async function refused(url: any, code: string): Promise<Error> {
  const error: any = await openStore(url).then(
    async (store) => {
      await store.close()
      throw new Error(`${url} was opened`)
    },
    (error: unknown) => error,
  )
  expect(error).toMatchObject({ name: 'SessionError', code })
  return error
}

describe('stores without a server', () => {
  test('memory', () => works('memory:?max=5', { alone: true }))
  test('files, by a relative or an absolute path', async () => {
    await works(`file:${path.relative(process.cwd(), path.join(folder, 'a b'))}`)
    await works(`file://${path.join(folder, 'absolute')}?fsync=true&shardAfter=3`)
    await works(`file:${path.join(folder, 'with%2520percent')}`)
  })
  test.skipIf(Sqlite === null)('SQLite', async () => {
    await works(`sqlite:${path.join(folder, 'sessions.db')}?table=mine`)
    await works(`sqlite://${path.join(folder, 'sessions.db')}`)
    await works('sqlite::memory:', { alone: true })
    await refused(`sqlite:${path.join(folder, 'fresh.db')}?migrate=false`, 'ERR_SESSION_STORE')
  })
})

describe.skipIf(redisProgram === null)('Redis', () => {
  test('one server, with a password, a database of its own and options', async () => {
    const server = await startRedis('--requirepass', 'p@ss:w/ord')
    try {
      const login = `:${encodeURIComponent('p@ss:w/ord')}@127.0.0.1:${server.port}`
      await works(`redis://${login}`)
      await works(`redis://${login}/3?prefix=mine%3A`)
      const store = await open(`redis://${login}/3?prefix=mine%3A`)
      await store.create(freshRecord())
      const keys = await redisCli(
        server.port,
        '-a',
        'p@ss:w/ord',
        '--no-auth-warning',
        '-n',
        '3',
        'KEYS',
        '*',
      )
      expect(keys).toMatch(/^(?:mine:\S+\s*)+$/)
      const waits = await refused(`redis://${login}?waitReplicas=-1`, 'ERR_SESSION_CONFIG')
      expect(waits.message).toContain('waitReplicas')
      const wrong = await refused(`redis://:canary-secret@127.0.0.1:${server.port}`, 'ERR_SESSION_STORE')
      expect(inspect(wrong, { depth: 10, showHidden: true })).not.toContain('canary-secret')
    } finally {
      await server.stop()
    }
  })

  test('a cluster', async () => {
    const cluster = await startCluster()
    try {
      const hosts = cluster.servers.map(({ port }) => `127.0.0.1:${port}`)
      await works(`redis+cluster://${hosts.join(',')}?prefix=a`)
      await works(`redis+cluster://${hosts[1]}`)
    } finally {
      await cluster.stop()
    }
  })

  test('behind a Sentinel', async () => {
    const set = await startSentinel()
    try {
      await works(`redis+sentinel://127.0.0.1:${set.sentinel.port}/mymaster`)
      await works(`redis+sentinel://127.0.0.1:${set.sentinel.port}`)
    } finally {
      await set.stop()
    }
  })

  test('closing does not wait for a halted server', { timeout: 30_000 }, async () => {
    const server = await startRedis()
    const cluster = await startCluster()
    try {
      const hosts = cluster.servers.map(({ port }) => `127.0.0.1:${port}`)
      for (const [url, servers] of [
        [`redis://127.0.0.1:${server.port}`, [server]],
        [`redis+cluster://${hosts.join(',')}`, cluster.servers],
      ] as const) {
        const store = await open(url)
        for (const one of servers) await one.signal('SIGSTOP')
        const call = Promise.resolve(store.get(freshRecord().id))
        await Promise.all([expect(call).rejects.toThrow(), store.close()])
      }
    } finally {
      await server.stop()
      await cluster.stop()
    }
  })

  test('a server that is not there is an error with its cause, not a wait without end', async () => {
    const server = await startRedis()
    await server.stop()
    const error = await refused(`redis://user:canary-secret@127.0.0.1:${server.port}`, 'ERR_SESSION_STORE')
    expect(error.cause).toBeInstanceOf(Error)
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('canary-secret')
  })
})

describe.skipIf(memcachedProgram === null)('memcached', () => {
  test('one server and several', async () => {
    const servers = [await startMemcached(), await startMemcached()]
    try {
      await works(`memcached://127.0.0.1:${servers[0]!.port}?prefix=a:&timeout=1000`)
      await works(`memcached://${servers.map(({ port }) => `127.0.0.1:${port}`).join(',')}`)
      await servers[0]!.signal('SIGKILL')
      await refused(`memcached://127.0.0.1:${servers[0]!.port}`, 'ERR_SESSION_STORE')
    } finally {
      for (const server of servers) await server.stop()
    }
  })

  test('a socket', async () => {
    const socket = path.join(folder, 'memcached.sock')
    const server = await startMemcached().then(async (tcp) => {
      await tcp.stop()
      return startServer({
        command: memcachedProgram!,
        args: () => ['-s', socket, ...(process.getuid?.() === 0 ? ['-u', 'root'] : [])],
        ready: () => openStore(`memcached://${socket}`).then((store) => store.close()),
      })
    })
    try {
      await works(`memcached://${socket}`)
    } finally {
      await server.stop()
    }
  })
})

const postgres = postgresProgram()
describe.skipIf(postgres === null)('PostgreSQL', () => {
  test('its table is made, or not', async () => {
    const sockets = mkdtempSync(path.join(folder, 'sockets-'))
    for (const place of [folder, sockets]) chmodSync(place, 0o777)
    const server = await startPostgres(postgres!, [`unix_socket_directories=${sockets}`])
    try {
      await works(server.url)
      await works(
        `${server.url.replace('postgres:', 'postgresql:')}?table=mine&timeout=1000&application_name=app`,
      )
      await refused(`${server.url}?migrate=false&table=none`, 'ERR_SESSION_STORE')
      await works(`postgres://hipflask@/postgres?host=${encodeURIComponent(sockets)}&port=${server.port}`)
      expect(await server.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).toEqual(
        expect.arrayContaining([{ tablename: 'hipflask_sessions' }, { tablename: 'mine' }]),
      )
    } finally {
      await server.stop()
    }
    const error = await refused(
      server.url.replace('hipflask@', 'hipflask:canary-secret@'),
      'ERR_SESSION_STORE',
    )
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('canary-secret')
  })
})

const mariadb = mariadbProgram()
describe.skipIf(mariadb === null)('MariaDB', () => {
  test('its table is made; a server that says nothing is an error', async () => {
    const server = await startMariadb(mariadb!)
    try {
      await works(server.url)
      await works(`${server.url.replace('mysql:', 'mariadb:')}?table=mine`)
      await refused(`${server.url}?migrate=false&table=none`, 'ERR_SESSION_STORE')
      await server.signal('SIGSTOP')
      const urls = ['', '?migrate=false'].map((query) => server.url.replace('@', ':canary-secret@') + query)
      for (const error of await Promise.all(urls.map((url) => refused(url, 'ERR_SESSION_STORE'))))
        expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('canary-secret')
    } finally {
      await server.stop()
    }
  })
})

describe('URLs that cannot work', () => {
  test.each<any>([
    [undefined],
    [5],
    [''],
    ['sessions.db'],
    ['redis'],
    ['mongodb://x:canary-secret@y'],
    ['__proto__:canary-secret'],
    ['constructor://canary-secret'],
    ['file:'],
    ['file:?fsync=canary-secret'],
    ['file://canary-secret/x'],
    ['file:x?fsync=canary-secret'],
    ['file:canary-secret%zz'],
    ['memory:?max=canary-secret'],
    ['memory:?nothing=canary-secret'],
    ['sqlite:'],
    ['redis://u:canary-secret@host:99999'],
    ['redis://u:canary-secret#@host'],
    ['redis://u:canary-secret@host?tabel=1'],
    ['redis://u:canary-secret@host/canary-secret'],
    ['redis+cluster://'],
    ['redis+sentinel:///canary-secret'],
    ['postgres://u:canary-secret@host:port/x'],
    ['mysql://u:canary-secret@host:port/x'],
    ['mysql://u:canary-secret@/x'],
    ['mysql://u:canary-secret@host/x?ssl={canary-secret'],
    ['memcached://canary-secret:x'],
    ['memcached:'],
  ])('%j', async (url) => {
    const error = await refused(url, 'ERR_SESSION_CONFIG')
    expect(error.message).toMatch(/: .+/)
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('canary-secret')
  })
})

describe('in an app of its own', () => {
  const app = path.join(folder, 'app')
  beforeAll(async () => {
    const root = path.resolve(import.meta.dirname, '../..')
    const config = path.join(folder, 'tsconfig.json')
    writeFileSync(
      config,
      JSON.stringify({
        extends: path.join(root, 'tsconfig.build.json'),
        compilerOptions: {
          rootDir: path.join(root, 'src'),
          outDir: app,
          typeRoots: [path.join(root, 'node_modules/@types')],
          noCheck: true,
        },
        include: [],
        files: [path.join(root, 'src/stores/url.ts')],
      }),
    )
    await run(process.execPath, [path.join(root, 'node_modules/typescript/bin/tsc'), '-p', config])
    writeFileSync(path.join(app, 'package.json'), '{"type":"module"}')
  })

  /** Runs a script in the app and answers what it printed; it must end by itself. */
  async function script(text: string, env: NodeJS.ProcessEnv = {}, place: string = app): Promise<string> {
    const door = pathToFileURL(path.join(place, 'stores/url.js')).href
    const words = ['--input-type=module', '-e', `import { openStore } from '${door}'\n${text}`]
    const options = { cwd: app, timeout: 20_000, env: { ...process.env, ...env } }
    return (await run(process.execPath, words, options)).stdout.trim()
  }

  const opensAndEnds = (url: string): string =>
    `const s = await openStore('${url}'); await s.get('x'); await s.close(); console.log('end')`
  const modules = path.join(app, 'node_modules')
  const installed = (): unknown =>
    existsSync(modules) || symlinkSync(path.resolve(import.meta.dirname, '../../node_modules'), modules)

  test.each([
    ['redis://127.0.0.1', 'npm install redis'],
    ['redis+cluster://127.0.0.1', 'npm install redis'],
    ['redis+sentinel://127.0.0.1', 'npm install redis'],
    ['postgres://127.0.0.1/x', 'npm install pg'],
    ['mysql://127.0.0.1/x', 'npm install mysql2'],
    ['sqlite:x.db', 'npm install better-sqlite3'],
  ])('%s without its driver says: %s', async (url, advice) => {
    const told = await script(`await openStore('${url}').catch((e) => console.log(e.code, e.message))`)
    expect(told).toMatch(/^ERR_SESSION_CONFIG /)
    expect(told).toContain(advice)
  })

  test.skipIf(redisProgram === null)('a closed store keeps nothing running', async () => {
    const server = await startRedis()
    installed()
    try {
      const local = Sqlite === null ? ['memory:'] : ['sqlite::memory:', 'memory:']
      for (const url of [`redis://127.0.0.1:${server.port}`, ...local])
        expect(await script(opensAndEnds(url))).toBe('end')
    } finally {
      await server.stop()
    }
  })

  test.skipIf(redisProgram === null)('closing does not wait for a halted server: redis 5', async () => {
    const server = await startRedis()
    const older = path.join(folder, 'older')
    cpSync(app, older, { recursive: true, filter: (name) => name !== modules })
    mkdirSync(path.join(older, 'node_modules'))
    symlinkSync(
      path.resolve(import.meta.dirname, '../../node_modules/redis5'),
      path.join(older, 'node_modules/redis'),
    )
    try {
      const told = await script(
        `const s = await openStore('redis://127.0.0.1:${server.port}')
        process.kill(${server.pid}, 'SIGSTOP')
        const call = s.get('x').catch(() => console.log('refused'))
        await Promise.all([call, s.close()])
        console.log('end')`,
        {},
        older,
      )
      expect(told).toBe('refused\nend')
    } finally {
      await server.stop()
    }
  })

  test.skipIf(redisProgram === null)('connections that come and go leave nothing behind', async () => {
    const server = await startRedis()
    installed()
    try {
      const url = `redis://127.0.0.1:${server.port}`
      const told = await script(
        `import { getEventListeners } from 'node:events'
        import { createClient } from 'redis'
        const signals = []
        globalThis.AbortController = class extends AbortController {
          constructor() {
            super()
            signals.push(this.signal)
          }
        }
        const listeners = () => signals.flatMap((signal) => getEventListeners(signal, 'abort')).length
        const other = await createClient({ url: '${url}' }).connect()
        const s = await openStore('${url}')
        const before = listeners()
        for (let kills = 0; kills < 5; kills++) {
          await other.sendCommand(['CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'])
          while (await s.get('x').then(() => false, () => true));
        }
        console.log(listeners() > before ? 'more' : 'no more')
        await other.close()
        await s.close()`,
      )
      expect(told).toBe('no more')
    } finally {
      await server.stop()
    }
  })

  test.skipIf(redisProgram === null)('many Sentinels that are not there are no leak', async () => {
    installed()
    const hosts = Array.from({ length: 12 }, () => `127.0.0.1:1`).join(',')
    const told = await script(
      `process.on('warning', ({ name }) => console.log(name))
      await openStore('redis+sentinel://${hosts}').catch(({ code }) => console.log(code))`,
    )
    expect(told).toBe('ERR_SESSION_STORE')
  })

  test.skipIf(redisProgram === null)('a store that could not be opened keeps nothing running', async () => {
    const server = await startRedis()
    installed()
    const [one, two] = [`127.0.0.1:${server.port}`, `localhost:${server.port}`]
    try {
      await server.signal('SIGSTOP')
      const urls = [`redis://${one}`, `redis+cluster://${one},${two}`, `redis+sentinel://${one},${two}`]
      const opening = urls.map((url) => script(`await openStore('${url}').catch((e) => console.log(e.code))`))
      for (const told of await Promise.all(opening)) expect(told).toBe('ERR_SESSION_STORE')
    } finally {
      await server.stop()
    }
  })

  const openssl = need('openssl', 'apt-get install openssl', 'openssl')
  test.skipIf(redisProgram === null || openssl === null)('rediss+sentinel: TLS for all of them', async () => {
    const [key, cert] = ['key', 'cert'].map((name) => path.join(folder, `${name}.pem`)) as [string, string]
    const request = 'req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost'
    const words = [...request.split(' '), '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key]
    await run(openssl!, [...words, '-out', cert])
    const secrets = { 'tls-cert-file': cert, 'tls-key-file': key, 'tls-ca-cert-file': cert }
    const start = (mode: readonly string[], lines: readonly string[]): Promise<Server> =>
      startServer({
        command: redisProgram!,
        prepare: ({ port, folder: own }) =>
          writeFileSync(
            path.join(own, 'redis.conf'),
            [
              ...[`dir ${own}`, 'bind 127.0.0.1', 'port 0', `tls-port ${port}`],
              ...['tls-auth-clients no', 'tls-replication yes'],
              ...Object.entries(secrets).map((pair) => pair.join(' ')),
              ...lines,
            ].join('\n'),
          ),
        args: ({ folder: own }) => [path.join(own, 'redis.conf'), ...mode],
        ready: async ({ port }) => {
          const said = await redisCli(port, '--tls', '--cacert', cert, 'PING')
          if (said !== 'PONG') throw new Error('not ready')
        },
      })
    const primary = await start([], ['save ""'])
    const sentinel = await start(['--sentinel'], [`sentinel monitor mymaster 127.0.0.1 ${primary.port} 1`])
    installed()
    try {
      const url = `rediss+sentinel://127.0.0.1:${sentinel.port}`
      expect(await script(opensAndEnds(url), { NODE_EXTRA_CA_CERTS: cert })).toBe('end')
    } finally {
      await sentinel.stop()
      await primary.stop()
    }
  })
})
