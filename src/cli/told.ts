import { wordFor } from '../inspector/cause.ts'

const unanswered = /\((?:ECONN\w+|ENOTFOUND|EAI_AGAIN|E(?:HOST|NET)UNREACH|ETIMEDOUT|no answer in time)\)/

/** An error as one line that says what to do; of a driver's error only its code, because its words may hold a password. */
export function told(error: unknown): string {
  if (!(error instanceof Error)) return 'it failed for an unknown reason'
  const { name, message, cause } = error
  const line = message.replaceAll(/\s+/g, ' ')
  if (name !== 'SessionError') return `the store failed${reason(error)}`
  if (message.includes('migrate()')) return "the store's table does not exist; npx hipflask migrate makes it"
  if (message.startsWith("openStore: the store's server") || unanswered.test(reason(cause)))
    return `the store does not answer${reason(cause)}; look at the address, the login and whether its server runs`
  return line.replace(/^openStore: /, '').replace(/; `cause` is [^;.]*/, reason(cause))
}

function reason(cause: unknown): string {
  return cause instanceof Error ? ` (${wordFor(cause)})` : ''
}
