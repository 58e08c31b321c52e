import { connect } from 'node:net'
import { once } from 'node:events'
import { need } from './need.ts'
import { startServer } from './server.ts'
import type { Server } from './server.ts'

/** Where memcached is on this machine, or null (then a line has said what to install). */
export const memcachedProgram: string | null = need('memcached', 'apt-get install memcached', 'memcached')

/** A memcached of its own; `options` are words of its command line. */
export function startMemcached(...options: string[]): Promise<Server> {
  return startServer({
    command: memcachedProgram!,
    args: ({ port }) => [
      ...['-l', '127.0.0.1', '-p', String(port), '-U', '0', '-m', '64'],
      ...(process.getuid?.() === 0 ? ['-u', 'root'] : []),
      ...options,
    ],
    ready: async ({ port }) => {
      const socket = connect(port, '127.0.0.1')
      try {
        await once(socket, 'connect')
      } finally {
        socket.destroy()
      }
    },
  })
}
