import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { SessionError } from '../errors.ts'

/** An answer of memcached: a line, and for a key that was found its value with the token for compare-and-swap. */
export interface Reply {
  readonly line: string
  readonly item: { readonly text: string; readonly token: string } | null
}

interface Waiting {
  readonly timer: NodeJS.Timeout
  readonly resolve: (reply: Reply) => void
  readonly reject: (error: Error) => void
}

const ANSWER = /^(?:END|STORED|NOT_STORED|EXISTS|NOT_FOUND|DELETED|OK)$/
const REFUSAL = /^(?:CLIENT_|SERVER_)?ERROR\b/
const LINE_END = '\r\n'
const AFTER_VALUE = '\r\nEND\r\n'
/** So many requests may wait for their answers; a dead server must not fill the memory with them. */
const MOST_WAITING = 4096

/**
 * One server's connection, made at the first request and again after a failure. Answers come in the order of requests;
 * one that is late, or not understood, ends the connection, so that no answer can ever reach another request.
 */
export class MemcachedConnection {
  readonly #server: string
  readonly #timeout: number
  readonly #encoding: 'utf8' | 'latin1'
  readonly #waiting: Waiting[] = []
  #socket: Socket | null = null
  #unread: Buffer = Buffer.alloc(0)

  /** `server` is `host:port` or the path of a socket; `timeout` is in milliseconds; `latin1` reads values byte by byte. */
  constructor(server: string, timeout: number, encoding: 'utf8' | 'latin1' = 'utf8') {
    this.#server = server
    this.#timeout = timeout
    this.#encoding = encoding
  }

  /**
   * Sends a command: a line, or a line with the value's length and then `token` behind it, and the value. Rejects when
   * memcached refuses, fails or is silent.
   */
  request(line: string, value?: Buffer, token = ''): Promise<Reply> {
    if (this.#waiting.length >= MOST_WAITING)
      return Promise.reject(
        failure(`${MOST_WAITING} requests wait for an answer, so no more are sent. Look at the server`),
      )
    const socket = (this.#socket ??= this.#connect())
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => this.#giveUp(socket, failure(`no answer within ${this.#timeout} ms`)),
        this.#timeout,
      )
      this.#waiting.push({ timer, resolve, reject })
      if (value === undefined) socket.write(line + LINE_END)
      else {
        const head = `${line} ${value.length}${token === '' ? '' : ` ${token}`}${LINE_END}`
        socket.write(Buffer.concat([Buffer.from(head), value, Buffer.from(LINE_END)]))
      }
    })
  }

  close(): void {
    if (this.#socket !== null) this.#giveUp(this.#socket, failure('the store was closed'))
  }

  #connect(): Socket {
    const colon = this.#server.lastIndexOf(':')
    const socket = this.#server.startsWith('/')
      ? connect(this.#server)
      : connect(
          Number(this.#server.slice(colon + 1)),
          this.#server.slice(0, colon).replaceAll(/^\[|\]$/g, ''),
        )
    socket.setNoDelay(true)
    socket.on('data', (bytes) => this.#read(socket, bytes))
    socket.on('error', (error) => this.#giveUp(socket, failure('the connection broke', error)))
    socket.on('close', () => this.#giveUp(socket, failure('the connection broke')))
    return socket
  }

  #giveUp(socket: Socket, error: Error): void {
    if (this.#socket !== socket) return
    this.#socket = null
    this.#unread = Buffer.alloc(0)
    socket.destroy()
    for (const { timer, reject } of this.#waiting.splice(0)) {
      clearTimeout(timer)
      reject(error)
    }
  }

  #read(socket: Socket, bytes: Buffer): void {
    if (this.#socket !== socket) return
    this.#unread = this.#unread.length === 0 ? bytes : Buffer.concat([this.#unread, bytes])
    for (let read = this.#reply(); read !== null; read = this.#reply()) {
      const [one] = this.#waiting
      const refused = read !== 'nonsense' && REFUSAL.test(read.reply.line) ? read.reply.line : null
      // What follows an error may be the answer to a value that was taken for commands; only the server's own is safe.
      const unsure = refused !== null && !refused.startsWith('SERVER_')
      if (read === 'nonsense' || one === undefined || unsure) {
        const problem =
          refused === null ? 'it does not speak the protocol of memcached' : `it answered ${refused}`
        this.#giveUp(socket, failure(problem))
        return
      }
      this.#waiting.shift()
      this.#unread = this.#unread.subarray(read.length)
      clearTimeout(one.timer)
      if (refused === null) one.resolve(read.reply)
      else one.reject(new Error(refused))
    }
  }

  #reply(): ReturnType<typeof readReply> {
    return readReply(this.#unread, this.#encoding)
  }
}

/** The first answer in `bytes` and how long it is; null while it is not complete. */
function readReply(
  bytes: Buffer,
  encoding: 'utf8' | 'latin1',
): { reply: Reply; length: number } | 'nonsense' | null {
  const end = bytes.indexOf(LINE_END)
  if (end < 0) return bytes.length > 2048 ? 'nonsense' : null
  const line = bytes.toString('latin1', 0, end)
  const from = end + LINE_END.length
  if (ANSWER.test(line) || REFUSAL.test(line)) return { reply: { line, item: null }, length: from }
  const [, , , size, token] = line.split(' ')
  const to = from + Number(size)
  if (!line.startsWith('VALUE ') || token === undefined || Number.isNaN(to)) return 'nonsense'
  const length = to + AFTER_VALUE.length
  if (bytes.length < length) return null
  if (bytes.toString('latin1', to, length) !== AFTER_VALUE) return 'nonsense'
  return { reply: { line, item: { text: bytes.toString(encoding, from, to), token } }, length }
}

function failure(problem: string, cause?: Error): SessionError {
  return new SessionError('ERR_SESSION_STORE', `memcachedStore: ${problem}.`, { cause })
}
