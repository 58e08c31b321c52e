import { SessionError } from '../../errors.ts'

/** What Redis's own error codes mean for somebody who runs an app, and what to do. */
const ADVICE: readonly (readonly [code: RegExp, advice: string])[] = [
  [/READONLY/, 'the client is connected to a replica, which cannot be written to: connect it to the primary'],
  [/\bOOM\b/, 'Redis has reached `maxmemory` and may not evict: give it more memory, or expire more'],
  [/NOAUTH|WRONGPASS/, 'Redis wants a (right) password: give the client `username` and `password`'],
  [/NOPERM/, 'the account may not run a command or touch a key that sessions need: widen its ACL'],
  [/MISCONF/, 'Redis cannot save to its disk and therefore refuses writes: look at its log'],
  [/LOADING/, 'Redis is still reading its data from disk: try again in a moment'],
  [/MASTERDOWN|CLUSTERDOWN/, 'the part of Redis with this session has no primary at the moment: try again'],
  [/\bBUSY\b/, 'Redis is busy with a script: try again, or look for one that never ends'],
  [/unknown command/i, 'this server lacks a command that sessions need: use Redis 6.2, Valkey 7.2 or newer'],
]

/** Whether the key holds another type than a string. */
export function isWrongType(error: unknown): boolean {
  return error instanceof Error && error.message.includes('WRONGTYPE')
}

/** Whether the server does not know the script yet, or any more. */
export function isNoScript(error: unknown): boolean {
  return error instanceof Error && error.message.includes('NOSCRIPT')
}

/** A client's error as it may be thrown on: without the command it quotes, and explained where Redis named the reason. */
export function explained(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof SessionError) return error
  // ioredis attaches the whole command, and with it ids and values.
  if ('command' in error) delete error.command
  const advice = ADVICE.find(([code]) => code.test(error.message))?.[1]
  if (advice === undefined) return error
  return new SessionError('ERR_SESSION_STORE', `redisStore: ${advice}.`, { cause: error })
}
