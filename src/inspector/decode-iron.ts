import { createDecipheriv, createHmac, type KeyObject, pbkdf2Sync, timingSafeEqual } from 'node:crypto'

/** A seal of @hapi/iron, as iron-session and h3 put into cookies. */
export interface Iron {
  /** Milliseconds since 1970, or null. */
  readonly expiresAt: number | null
  open(secret: KeyObject): string | null
}

// The format: https://github.com/hapijs/iron (prefix*id*salt*iv*encrypted*expiration*salt*mac), version `~2` of iron-session.
const form = /^Fe26\.2\*([^*]*)\*([\da-f]+)\*([\w-]+)\*([\w-]+)\*(\d*)\*([\da-f]+)\*([\w-]+)(?:~\d)?$/

/** Rounds of PBKDF2 that are in use: iron's own default, and h3's. */
const rounds = [1, 8192]

/** Reads a seal's parts; null when `text` is none. */
export function readIron(text: string): Iron | null {
  const parts = form.exec(text)
  if (parts === null) return null
  const [, , salt = '', iv = '', encrypted = '', expiration = '', macSalt = '', mac = ''] = parts
  const signed = text.slice(0, text.lastIndexOf('*', text.lastIndexOf('*') - 1))
  return {
    expiresAt: expiration === '' ? null : Number(expiration),
    open(secret) {
      for (const count of rounds) {
        const derived = (from: string): Buffer => pbkdf2Sync(secret.export(), from, count, 32, 'sha1')
        const right = createHmac('sha256', derived(macSalt)).update(signed).digest()
        const given = Buffer.from(mac, 'base64url')
        if (given.length !== right.length || !timingSafeEqual(given, right)) continue
        const decipher = createDecipheriv('aes-256-cbc', derived(salt), Buffer.from(iv, 'base64url'))
        return Buffer.concat([decipher.update(encrypted, 'base64url'), decipher.final()]).toString('utf8')
      }
      return null
    },
  }
}
