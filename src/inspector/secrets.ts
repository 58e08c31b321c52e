import { createSecretKey, KeyObject } from 'node:crypto'
import { SessionError } from '../errors.ts'
import { type Secret, weakness } from '../lib/secret.ts'

/** A secret with the name that may be shown in its place. */
export interface NamedSecret {
  readonly name: string
  readonly key: KeyObject
  /** Why it is no good secret, or null. */
  readonly weakness: string | null
}

/** The secrets a decoder may try; throws ERR_SESSION_SECRET for what is none. Weak ones are told on the page, not refused: the app decides that. */
export function namedSecrets(secrets: Readonly<Record<string, Secret>>): NamedSecret[] {
  return Object.entries(secrets).map(([name, secret]) => {
    const bytes =
      typeof secret === 'string'
        ? Buffer.from(secret, 'utf8')
        : secret instanceof KeyObject && secret.type === 'secret'
          ? secret.export()
          : secret
    if (!(bytes instanceof Uint8Array) || bytes.length === 0)
      throw new SessionError(
        'ERR_SESSION_SECRET',
        `inspect: \`secrets.${name}\` must be a string, a Uint8Array or a secret KeyObject, and not empty.`,
      )
    return { name, key: createSecretKey(bytes), weakness: weakness(bytes, 32) }
  })
}
