import { randomBytes } from 'node:crypto'

/** The secret key that signs cookies: SECRET_KEY from the environment, or one made up for this run. */
export function secretKey(): string {
  if (process.env.SECRET_KEY) return process.env.SECRET_KEY
  console.log('SECRET_KEY is not set, so this run made one up: signed cookies end with it.')
  return randomBytes(32).toString('base64url')
}
