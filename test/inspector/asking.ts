import type { Inspector } from '../../src/inspector/index.ts'

/** How a page asks the inspector. */
export interface Page {
  readonly token: string
  ask(name: string, args?: object, method?: string): Promise<Response>
  /** The answer of a question that must succeed. */
  told(name: string, args?: object, method?: string): Promise<any>
}

export interface Asking {
  readonly headers?: Record<string, string>
  readonly address?: string | null
  readonly method?: string
}

const origin = 'http://localhost:4000'

/** A request as a server hands it over that listens on this machine. */
export function send(
  inspector: Inspector,
  path: string,
  { headers = {}, address = '127.0.0.1', method = 'GET' }: Asking = {},
): Promise<Response> {
  const request = new Request(origin + path, { method, headers: { host: 'localhost:4000', ...headers } })
  return inspector(
    request,
    address === null ? undefined : { incoming: { socket: { remoteAddress: address } } },
  )
}

/** The headers that go with a question. */
export function asking(token: string, args: object = {}): Record<string, string> {
  return {
    'x-inspector-token': token,
    'x-inspector-arguments': Buffer.from(JSON.stringify(args)).toString('base64url'),
  }
}

export function tokenIn(html: string): string {
  return /<meta name="token" content="([^"]+)">/.exec(html)![1]!
}

/** Opens the page. */
export async function open(inspector: Inspector, headers: Record<string, string> = {}): Promise<Page> {
  const response = await send(inspector, '/__sessions', { headers })
  const token = tokenIn(await response.text())
  const ask: Page['ask'] = (name, args, method = 'GET') =>
    send(inspector, `/__sessions/_ask/${name}`, { method, headers: { ...headers, ...asking(token, args) } })
  return {
    token,
    ask,
    async told(name, args, method) {
      const response = await ask(name, args, method)
      if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`)
      return response.json()
    },
  }
}

/** Reads messages of a feed one by one. */
export class FeedReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  #rest = ''

  constructor(response: Response) {
    this.#reader = response.body!.getReader()
  }

  async next(): Promise<any> {
    for (;;) {
      const end = this.#rest.indexOf('\n\n')
      if (end !== -1) {
        const block = this.#rest.slice(0, end)
        this.#rest = this.#rest.slice(end + 2)
        if (block.startsWith('data: ')) return JSON.parse(block.slice(6))
        continue
      }
      const { value, done } = await this.#reader.read()
      if (done) throw new Error('the feed ended')
      this.#rest += Buffer.from(value).toString('utf8')
    }
  }

  close(): Promise<void> {
    return this.#reader.cancel()
  }
}
