import { execFileSync } from 'node:child_process'
import { chownSync, mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { createClient } from 'redis'
import { freePort, locate, startProgram } from './programs.js'

/** PostgreSQL refuses root. */
const unprivileged = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}

/** A Redis without persistence: `url`, `version`, `stop`; null where it is not installed. */
export async function startRedis() {
  const program = locate('redis-server', 'valkey-server')
  if (program === null) return null
  const port = await freePort()
  const url = `redis://127.0.0.1:${port}`
  const words = [program, '--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
  let version = ''
  const running = await startProgram(words, {
    ready: async () => {
      const client = createClient({ url, socket: { reconnectStrategy: false } })
      client.on('error', () => undefined)
      await client.connect()
      version = /redis_version:(\S+)/.exec(await client.info('server'))[1]
      client.destroy()
    },
  })
  return { ...running, url, version }
}

/** A PostgreSQL with an empty database: `url`, `version`, `stop`; null where it is not installed. */
export async function startPostgres() {
  const program = locate('/usr/lib/postgresql/*/bin/postgres', 'postgres')
  if (program === null) return null
  const folder = mkdtempSync(path.join(os.tmpdir(), 'hipflask-bench-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  if (unprivileged.uid !== undefined) chownSync(folder, unprivileged.uid, unprivileged.gid)
  const data = path.join(folder, 'data')
  execFileSync(
    path.join(path.dirname(program), 'initdb'),
    ['-D', data, '-U', 'bench', '--auth=trust', '--no-sync', '-E', 'UTF8', '--locale=C'],
    { cwd: folder, stdio: 'ignore', ...unprivileged },
  )
  const port = await freePort()
  const url = `postgres://bench@127.0.0.1:${port}/postgres`
  const settings = ['unix_socket_directories=', 'fsync=off', 'synchronous_commit=off', 'max_connections=200']
  const words = [program, '-D', data, '-p', String(port), '-h', '127.0.0.1']
  let version = ''
  const running = await startProgram([...words, ...settings.flatMap((setting) => ['-c', setting])], {
    ...{ cwd: folder, quit: 'SIGQUIT', ...unprivileged },
    ready: async () => {
      const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 })
      client.on('error', () => undefined)
      await client.connect()
      version = (await client.query('SHOW server_version')).rows[0].server_version
      await client.end()
    },
  })
  return { ...running, url, version }
}
