import { Overlay } from './overlay.ts'

type Listener = (this: unknown) => void

/** The part of a Node response that tells others how far it has come. */
export interface Observed {
  readonly headersSent: boolean
  readonly writableEnded: boolean
  setHeader: unknown
  appendHeader: unknown
  removeHeader: unknown
  on(event: string, listener: Listener): unknown
  emit(event: string): boolean
  listenerCount(event: string): number
  removeListener(event: string, listener: Listener): unknown
  rawListeners(event: string): Listener[]
}

/** Throws what Node throws when a head that has left is to be changed. */
export function throwHeadersSent(): never {
  const error = new Error(
    'The response head is on its way and cannot be changed: set it before the first write or end',
  )
  throw Object.assign(error, { code: 'ERR_HTTP_HEADERS_SENT' })
}

/** The calls that change a head. */
export const headCalls = ['setHeader', 'appendHeader', 'removeHeader'] as const

/** Makes a response look as if its head had left, until `undo`. */
export class LooksSent {
  readonly #response: Observed
  readonly #overlay: Overlay<Observed>
  readonly #asked: boolean
  readonly #drains: Listener[] = []
  /** Whether it looks ended, too. */
  ended = false

  /** Lays the looks over the response, unless its prototype asks for them: `asked`. */
  constructor(response: Observed, asked: boolean) {
    this.#response = response
    this.#overlay = new Overlay(response)
    this.#asked = asked
    if (!asked) {
      this.#overlay.layOver('headersSent', true)
      for (const name of headCalls) this.#overlay.lay(name, throwHeadersSent)
    }
    if (Object.hasOwn(response, 'on')) this.#collectDrains()
  }

  end(): void {
    this.ended = true
    if (!this.#asked) this.#overlay.layOver('writableEnded', true)
  }

  undo(): void {
    this.drop()
    for (const listener of this.#drains) this.#response.on('drain', listener)
  }

  /** Does what `undo` does, and forgets who was refused a write. */
  drop(): void {
    this.#overlay.lift()
  }

  /** Tells whoever was refused a write that there is room now. */
  drain(): void {
    this.#response.emit('drain')
    const told = this.#response.rawListeners('drain')
    for (const listener of this.#drains) if (!told.includes(listener)) listener.call(this.#response)
  }

  /** A compressing middleware gives `drain` listeners to a stream that begins with the head: ours would not reach them. */
  #collectDrains(): void {
    const response = this.#response
    const on = response.on.bind(response)
    this.#overlay.lay('on', (event: string, listener: Listener) => {
      if (event === 'drain') this.#drains.push(listener)
      else on(event, listener)
      return response
    })
  }
}
