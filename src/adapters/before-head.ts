import type { ServerResponse } from 'node:http'
import type { Http2ServerResponse } from 'node:http2'
import type { Awaitable } from '../contracts/store.ts'
import type { ResponseFacts } from '../contracts/visit.ts'
import { isPromise } from '../lib/awaitable.ts'
import { LooksSent, type Observed, throwHeadersSent } from './looks-sent.ts'
import { addToHead, type Head, type Line, resetHead, setLines, splitHead } from './node-head.ts'
import { Overlay } from './overlay.ts'

/** A response of node:http, node:https or node:http2's compatibility API. */
export type NodeResponse = ServerResponse | Http2ServerResponse

/**
 * Calls `close` when the response head is about to leave, and adds what it answers to the head. An answer at once delays
 * nothing. While a promise is pending, the response looks as if its head had left (`headersSent` is true, changing a
 * header throws ERR_HTTP_HEADERS_SENT, `write` answers false), yet nothing is sent; then the calls follow in order.
 * When `close` fails, nothing was sent: the calls are dropped, their callbacks get the error, the status is 500, and
 * `fail` is called with the error; the head of the page it sends asks `close` again. Whoever waits for `drain` to go on with
 * the dropped page is not called again; whoever goes on unasked, before the page of `fail` has ended, writes into that one.
 * A visitor who hangs up changes none of this: `close` is called when the app answers, heard or not, and not at all if it
 * never does. The response keeps the methods laid over it, which pass every call on once the head is out: taking them off
 * would cost more than they do.
 */
export function beforeHead(
  response: NodeResponse,
  close: () => Awaitable<ResponseFacts>,
  fail: (error: unknown) => void,
): void {
  new Gate(response as unknown as GuardedResponse, close, fail).shut()
}

/** The calls that let a response head leave. */
export const guarded = ['writeHead', 'write', 'end', 'flushHeaders'] as const
type Guarded = (typeof guarded)[number]

/** What those calls were before they were guarded. */
export type Unguarded = Record<Guarded, (...args: unknown[]) => unknown>

/** A call that waits; writeHead's headers are kept apart, so that ours can be merged with them. */
interface Call {
  readonly name: Guarded
  readonly args: unknown[]
  readonly lines: readonly Line[]
}

/** Both kinds of response, with arguments as loose as their callers pass them. */
export type GuardedResponse = Head & Observed & Unguarded & { readonly socket: object | null }

const NOTHING: ResponseFacts = { setCookie: null, vary: false }

/** What holds the calls on one response back until its session is stored. */
export class Gate {
  readonly #response: GuardedResponse
  readonly #close: () => Awaitable<ResponseFacts>
  readonly #fail: (error: unknown) => void
  readonly #found: Unguarded
  /** How many waited for `drain` before this gate. */
  readonly #heard: number
  /** What this gate laid over the response itself; null where the response's prototype asks the gate. */
  readonly #laid: Overlay<GuardedResponse> | null
  #state: 'shut' | 'closing' | 'open' | 'failed' = 'shut'
  #parked: Call[] = []
  #look: LooksSent | null = null
  #status = 200
  #facts: ResponseFacts | null = null
  /** Why a page of this response was dropped: by this gate, or by the one before it. */
  #failure: { readonly error: unknown } | null

  /** With `found`, the guards are on the prototype of the response, and those were its methods; else `shut` lays them. */
  constructor(
    response: GuardedResponse,
    close: () => Awaitable<ResponseFacts>,
    fail: (error: unknown) => void,
    found: Unguarded | null = null,
    failure: { readonly error: unknown } | null = null,
  ) {
    this.#response = response
    this.#close = close
    this.#fail = fail
    this.#failure = failure
    this.#laid = found === null ? new Overlay(response) : null
    this.#found = found ?? unguarded(response)
    this.#heard = response.listenerCount('drain')
  }

  /** While the answer is pending, what the response looks like; null before and after. */
  get look(): LooksSent | null {
    return this.#look
  }

  /** Whether `response` is the one that this gate holds back, or wraps it: those have its socket, a second response has none. */
  holds(response: { socket?: unknown }): boolean {
    return response === this.#response || (response.socket ?? this) === this.#response.socket
  }

  /** Guards the response by methods of its own. */
  shut(): void {
    this.#laid?.remember('on')
    for (const name of guarded) this.#laid?.lay(name, (...args: unknown[]) => this.call(name, args))
  }

  /** One of the guarded calls; answers what the response answers, or would. */
  call(name: Guarded, args: unknown[]): unknown {
    // Node writes the head of its own accord then, and whoever laid methods over ours after us must hear of it in time.
    if (name === 'flushHeaders' && this.#state === 'shut' && !this.#response.headersSent) {
      this.#response.writeHead(this.#response.statusCode)
    }
    if (this.#state === 'shut') {
      const facts = this.#ask()
      if (isPromise(facts)) this.#wait(facts)
      else if (facts.vary || facts.setCookie !== null) {
        this.#park(name, args)
        return this.#release(facts)
      } else this.#state = 'open'
    }
    if (this.#state === 'closing') return this.#park(name, args)
    // A handler whose page was dropped may go on writing when the error page has long ended.
    const late = this.#failure !== null && this.#response.writableEnded
    if (this.#state === 'failed' || late) return this.#drop(name, args)
    return this.#found[name].apply(this.#response, args)
  }

  #ask(): Awaitable<ResponseFacts> {
    try {
      return this.#facts ?? this.#close()
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Answers what a response would answer that has taken the call. */
  #park(name: Guarded, args: unknown[]): unknown {
    if (name !== 'writeHead') this.#parked.push({ name, args, lines: [] })
    else if (this.#parked.length > 0) throwHeadersSent()
    else this.#parked.push({ name, ...splitHead(args) })
    if (name === 'end') this.#look?.end()
    return name === 'write' ? false : this.#response
  }

  #wait(closing: Promise<ResponseFacts>): void {
    this.#state = 'closing'
    this.#status = this.#response.statusCode
    this.#look = new LooksSent(this.#response, this.#laid === null)
    closing.then(
      (facts) => this.#resume(facts),
      (error: unknown) => (this.#failure === null ? this.#giveUp(error) : this.#resume(NOTHING)),
    )
  }

  #resume(facts: ResponseFacts): void {
    const look = this.#look
    this.#look = null
    look?.undo()
    this.#response.statusCode = this.#status
    try {
      const answer = this.#release(facts)
      if (answer !== false && !this.#response.writableEnded) look?.drain()
    } catch (error) {
      this.#giveUp(error)
    }
  }

  /** Adds `facts` to the head, lets the parked calls through in order, and answers what the last one did. */
  #release(facts: ResponseFacts): unknown {
    const calls = this.#parked
    this.#parked = []
    this.#facts = facts
    setLines(this.#response, calls[0]?.lines ?? [])
    addToHead(this.#response, facts)
    this.#state = 'open'
    let answer: unknown
    for (const { name, args } of calls) answer = this.#found[name].apply(this.#response, args)
    return answer
  }

  #giveUp(error: unknown): void {
    this.#look?.drop()
    this.#look = null
    this.#state = 'failed'
    this.#failure = { error }
    this.#bare()
    // Whoever sent the dropped page by turns would be woken by the error page, and go on in it.
    const waiting = this.#response.rawListeners('drain').slice(this.#heard)
    for (const listener of waiting) this.#response.removeListener('drain', listener)
    if (!this.#response.headersSent) {
      resetHead(this.#response)
      new Gate(this.#response, () => this.#ask(), this.#fail, null, this.#failure).shut()
    }
    this.#fail(error)
    for (const { name, args } of this.#parked) this.#drop(name, args)
  }

  #drop(name: Guarded, args: unknown[]): unknown {
    const callback = args.findLast((arg) => typeof arg === 'function')
    if (callback) process.nextTick(callback, this.#failure?.error)
    return name === 'write' ? false : this.#response
  }

  /** Takes everything off the response that was laid over it, by this gate and after it. */
  #bare(): void {
    if (this.#laid !== null) return this.#laid.lift()
    for (const name of [...guarded, 'on'] as const) delete (this.#response as Partial<GuardedResponse>)[name]
    Object.assign(this.#response, this.#found)
  }
}

/** The methods of a response, or of its prototype, as they are now. */
export function unguarded({ writeHead, write, end, flushHeaders }: GuardedResponse): Unguarded {
  return { writeHead, write, end, flushHeaders }
}
