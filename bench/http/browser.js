import http from 'node:http'

const agent = new http.Agent({ keepAlive: true, maxSockets: 256 })

/** Ends the kept connections. */
export const closeBrowsers = () => agent.destroy()

/** Asks a server once; resolves when the body is there, with `head` (a callback) called as soon as the head is. */
export function ask(port, page, cookie = null, head = null) {
  return new Promise((resolve, reject) => {
    const headers = cookie === null || cookie === '' ? {} : { cookie }
    const options = { host: '127.0.0.1', port, path: page, agent, headers, timeout: 30_000 }
    const request = http.get(options, (response) => {
      const cookies = response.headers['set-cookie'] ?? []
      const seen = head?.(cookies, response)
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (data) => (body += data))
      response.on('end', () => resolve({ status: response.statusCode, cookies, body, seen }))
    })
    request.on('timeout', () => request.destroy(new Error(`${page}: no answer in 30 seconds`)))
    request.on('error', reject)
  })
}

/** The cookies of one browser: those of the newest answer stand. */
export class Jar {
  #cookies = new Map()

  take(lines) {
    for (const line of lines) {
      const [pair, ...attributes] = line.split(';')
      const name = pair.slice(0, pair.indexOf('=')).trim()
      const value = pair.slice(pair.indexOf('=') + 1)
      const gone = attributes.some((text) => {
        const [key, when] = text.trim().split('=')
        if (/^max-age$/i.test(key)) return Number(when) <= 0
        return /^expires$/i.test(key) && Date.parse(when) <= Date.now()
      })
      if (gone) this.#cookies.delete(name)
      else this.#cookies.set(name, value)
    }
  }

  get header() {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  }
}

/** A browser that keeps its cookies. */
export class Browser {
  jar = new Jar()
  #port

  constructor(port) {
    this.#port = port
  }

  async ask(page, head = null) {
    const answer = await ask(this.#port, page, this.jar.header, (cookies, response) => {
      this.jar.take(cookies)
      return head?.(response)
    })
    return answer
  }
}

/** Browsers with a session each; throws when one gets none. */
export async function entered(port, count) {
  const headers = []
  const one = async () => {
    while (headers.length < count) {
      const at = headers.push('') - 1
      const browser = new Browser(port)
      const { status, body } = await browser.ask('/enter')
      if (status !== 200 || browser.jar.header === '') throw new Error(`/enter answers ${status} ${body}`)
      headers[at] = browser.jar.header
    }
  }
  await Promise.all(Array.from({ length: 16 }, one))
  return headers
}
