import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { locate, need } from './need.ts'
import { freePort, startServer } from './server.ts'
import type { Server } from './server.ts'

/** Where Redis or Valkey is on this machine, or null (then a line has said what to install). */
export const redisProgram: string | null = need(
  'Redis',
  'apt-get install redis-server',
  'redis-server',
  'valkey-server',
)

const run = promisify(execFile)

/** What `redis-cli` prints for a command to the server at `port`; rejects when the server cannot be reached or refuses. */
export async function redisCli(port: number, ...words: string[]): Promise<string> {
  const program = locate('redis-cli', 'valkey-cli')
  if (program === null) throw new Error('redis-cli is not on this machine: apt-get install redis-tools')
  const { stdout } = await run(program, ['-e', '-h', '127.0.0.1', '-p', String(port), ...words], {
    timeout: 20_000,
  })
  return stdout.trim()
}

/** A Redis of its own, without persistence; `options` are words of its command line. */
export function startRedis(...options: string[]): Promise<Server> {
  return startServer({
    command: redisProgram!,
    args: ({ port, folder }) => [
      ...['--port', String(port), '--bind', '127.0.0.1', '--dir', folder],
      ...['--save', '', '--appendonly', 'no', '--repl-diskless-sync-delay', '0'],
      ...options,
    ],
    ready: async ({ port }) => {
      const said = await redisCli(port, 'PING').catch(String)
      if (said !== 'PONG' && !said.includes('NOAUTH')) throw new Error('not ready')
    },
  })
}

/** Several servers that are stopped together. */
export interface Together {
  readonly servers: readonly Server[]
  stop(): Promise<void>
}

function together(servers: readonly Server[]): Together {
  return { servers, stop: async () => void (await Promise.all(servers.map((server) => server.stop()))) }
}

/** Three primaries that share the slots, each with so many replicas. */
export async function startCluster(replicas = 0): Promise<Together> {
  const count = 3 * (1 + replicas)
  const servers = await Promise.all(
    Array.from({ length: count }, async () =>
      startRedis(
        ...['--cluster-enabled', 'yes', '--cluster-config-file', 'nodes.conf'],
        ...['--cluster-port', String(await freePort()), '--cluster-node-timeout', '2000'],
      ),
    ),
  )
  const all = together(servers)
  try {
    const addresses = servers.map(({ port }) => `127.0.0.1:${port}`)
    await redisCli(
      servers[0]!.port,
      ...['--cluster', 'create', ...addresses, '--cluster-replicas', String(replicas), '--cluster-yes'],
    )
    for (const { port } of servers) {
      await eventually('the cluster is up', async () => {
        const info = await redisCli(port, 'CLUSTER', 'INFO')
        return info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${count}`)
      })
    }
    if (replicas > 0)
      await eventually('replicas are online', async () => (await inStep(servers)) === 3 * replicas)
    return all
  } catch (error) {
    await all.stop()
    throw error
  }
}

async function inStep(servers: readonly Server[]): Promise<number> {
  const infos = await Promise.all(servers.map(({ port }) => redisCli(port, 'INFO', 'replication')))
  // A replica is in step from its first acknowledgement on, which names an offset.
  return infos.join('\n').split(/state=online,offset=[1-9]/).length - 1
}

/** A primary with a replica, watched by a Sentinel under the name `mymaster`. */
export interface Watched extends Together {
  readonly primary: Server
  readonly replica: Server
  readonly sentinel: Server
  /** Which port the Sentinel names as the primary's. */
  current(): Promise<number>
}

/** Starts them; resolves when the replica is in step and the Sentinel knows it. */
export async function startSentinel(): Promise<Watched> {
  const primary = await startRedis()
  const replica = await startRedis('--replicaof', '127.0.0.1', String(primary.port))
  const sentinel = await startServer({
    command: redisProgram!,
    prepare: ({ port, folder }) => {
      writeFileSync(
        path.join(folder, 'sentinel.conf'),
        [
          `port ${port}`,
          'bind 127.0.0.1',
          `dir ${folder}`,
          `sentinel monitor mymaster 127.0.0.1 ${primary.port} 1`,
          'sentinel down-after-milliseconds mymaster 500',
          'sentinel failover-timeout mymaster 3000',
        ].join('\n'),
      )
    },
    args: ({ folder }) => [path.join(folder, 'sentinel.conf'), '--sentinel'],
    ready: async ({ port }) => {
      if ((await redisCli(port, 'PING')) !== 'PONG') throw new Error('not ready')
    },
  })
  const all = together([primary, replica, sentinel])
  try {
    await eventually('the replica is in step', async () => (await inStep([primary])) === 1)
    await eventually('the Sentinel knows the replica', async () =>
      (await redisCli(sentinel.port, 'SENTINEL', 'replicas', 'mymaster')).includes(String(replica.port)),
    )
  } catch (error) {
    await all.stop()
    throw error
  }
  const current = async (): Promise<number> => {
    const address = await redisCli(sentinel.port, 'SENTINEL', 'get-master-addr-by-name', 'mymaster')
    return Number(address.split('\n')[1])
  }
  return { ...all, primary, replica, sentinel, current }
}

/** Resolves once `holds` answers true; throws, naming what was waited for, after 30 seconds. */
export async function eventually(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 30_000
  while (!(await holds().catch(() => false))) {
    if (performance.now() > deadline) throw new Error(`waited in vain: ${what}`)
    await pause(50)
  }
}
