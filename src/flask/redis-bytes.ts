import type { RedisClient } from '../stores/redis.ts'

/** What both packages call the same: a method that takes words. */
type Method = (...words: unknown[]) => unknown

/** Options of the package `redis` to answer Buffers: of version 4, and of 5 and newer (36 is RESP's bulk string). */
const asBuffers = { returnBuffers: true, typeMapping: { 36: Buffer } }

/**
 * A view of a client in which words and replies are byte text, one character for each byte: values that are no UTF-8 go
 * through it unharmed, whatever the client was set to.
 */
export function inBytes(client: RedisClient): RedisClient {
  return new Proxy(client, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      const method = value as Method
      switch (name) {
        case 'sendCommand':
          return async (...words: unknown[]) =>
            bytesOf(await method.call(target, ...words.map(buffers), asBuffers))
        case 'call':
          return async (command: string, ...words: unknown[]) => {
            // Not `callBuffer`: where ioredis pipelines by itself, it forgets the command.
            const inBuffers = Reflect.get(target, `${command.toLowerCase()}Buffer`, target) as Method
            return bytesOf(await inBuffers.call(target, ...words.map(buffers)))
          }
        case 'nodeClient':
          return async (...words: unknown[]) => inBytes((await method.call(target, ...words)) as RedisClient)
        case 'nodes':
          return (...words: unknown[]) => (method.call(target, ...words) as RedisClient[]).map(inBytes)
        default:
          return method.bind(target)
      }
    },
  })
}

/** Byte text as the Buffer it means; other words, and lists of words, likewise. */
function buffers(word: unknown): unknown {
  if (Array.isArray(word)) return word.map(buffers)
  return typeof word === 'string' && /[\x80-\xff]/.test(word) ? Buffer.from(word, 'latin1') : word
}

function bytesOf(reply: unknown): unknown {
  if (Array.isArray(reply)) return reply.map(bytesOf)
  return Buffer.isBuffer(reply) ? reply.toString('latin1') : reply
}
