import { SessionError } from '../errors.ts'

/** The parts of a store's URL, percent-decoded. */
export interface StoreAddress {
  /** In lower case, without the colon. */
  readonly scheme: string
  readonly user: string
  readonly password: string
  /** `host` or `host:port`, none, one or several. */
  readonly hosts: readonly string[]
  readonly path: string
  readonly options: AddressOptions
}

const SHAPE = /^([a-z][a-z\d+]*):(?:\/\/(?:([^/?#]*)@)?([^/?#]*))?([^?#]*)(?:\?([^#]*))?$/i

/** Takes a URL apart; throws ERR_SESSION_CONFIG, quoting nothing of it, when it has not the shape of one. */
export function parseAddress(url: string): StoreAddress {
  const [, scheme, login = '', hosts = '', path = '', query] =
    (typeof url === 'string' ? SHAPE.exec(url) : null) ?? []
  if (scheme === undefined)
    throw badUrl('it needs the shape scheme://user:password@host:port/path?option=value')
  const [user = '', ...password] = login.split(':')
  return {
    scheme: scheme.toLowerCase(),
    user: decoded(user),
    password: decoded(password.join(':')),
    hosts: hosts === '' ? [] : hosts.split(','),
    path: decoded(path),
    options: new AddressOptions(query),
  }
}

/** What stands behind the question mark. Each option is taken by who knows it; what is left over belongs to the driver, or is a mistake. */
export class AddressOptions {
  readonly #left: URLSearchParams

  constructor(query: string | undefined) {
    this.#left = new URLSearchParams(query)
  }

  /** The text of an option, as a property if it is there: made to be spread into the options of a store. */
  text<Name extends string>(name: Name): { readonly [K in Name]?: string } {
    const value = this.#left.get(name)
    this.#left.delete(name)
    return (value === null ? {} : { [name]: value }) as { readonly [K in Name]?: string }
  }

  /** The same for a number; the store itself judges whether it can work. */
  number<Name extends string>(name: Name): { readonly [K in Name]?: number } {
    const { [name]: value } = this.text(name)
    return (value === undefined ? {} : { [name]: Number(value) }) as { readonly [K in Name]?: number }
  }

  /** The same for `true` or `false`. */
  flag<Name extends string>(name: Name): { readonly [K in Name]?: boolean } {
    const { [name]: value } = this.text(name)
    if (value !== undefined && value !== 'true' && value !== 'false')
      throw badUrl(`its option \`${name}\` must be true or false`)
    return (value === undefined ? {} : { [name]: value === 'true' }) as { readonly [K in Name]?: boolean }
  }

  /** What nobody has taken, as a query with its question mark, or nothing. */
  rest(): string {
    return this.#left.size === 0 ? '' : `?${this.#left.toString()}`
  }

  /** Throws ERR_SESSION_CONFIG when something was not taken. */
  done(): void {
    for (const name of this.#left.keys())
      throw badUrl(`it has an option \`${name}\` that this store does not know`)
  }
}

/** An error about a URL, which is not quoted: it may hold a password. */
export function badUrl(problem: string): SessionError {
  return new SessionError('ERR_SESSION_CONFIG', `openStore: the URL cannot be used: ${problem}.`)
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw badUrl('a % in it must be followed by two hexadecimal digits; write %25 for a percent sign')
  }
}
