import { existsSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import process from 'node:process'
import { pathToFileURL } from 'node:url'
import type { SessionRecord } from '../contracts/store.ts'
import { createSessions, type PeekedSession, type Sessions } from '../index.ts'
import { recordId } from '../lib/id.ts'
import { walk } from '../lib/walk.ts'
import { LOCKS, refuseForeign } from '../stores/file/directory.ts'
import { parseAddress } from '../stores/store-address.ts'
import { type OpenedStore, openStore } from '../stores/url.ts'
import { type Call, type ExitCode, misuse, type Option } from './command.ts'

/** What commands use of an app's `sessions`. */
export type Tooled = Pick<
  Sessions,
  'describe' | 'gc' | 'health' | 'list' | 'page' | 'peek' | 'revoke' | 'revokeUser'
>

/** Where the sessions are that a command is about. */
export interface Place {
  readonly sessions: Tooled
  /** Present where a URL named it. */
  readonly store: OpenedStore | null
  /** The words that are left for the command. */
  readonly words: readonly string[]
}

/** What a command may make where it is missing: nothing, a database and its tables, or a directory as well. */
type Makes = 'nothing' | 'tables' | 'all'

/** The options by which every command about stored sessions is told where they are. */
export const placeOptions: Readonly<Record<string, Option>> = {
  store: { value: 'URL', help: 'the store, such as file:flask_session or redis://127.0.0.1' },
  config: { value: 'FILE', help: "a module that exports the app's `sessions`" },
}

/** Whether a word is a URL, and no path. */
export const hasScheme: RegExp = /^[a-z][a-z\d+]*:/i
const sql = /^(?:sqlite|postgres|postgresql|mysql|mariadb)$/
const needed = ['describe', 'gc', 'list', 'page', 'peek', 'revoke', 'revokeUser'] as const

/**
 * Opens the place that --store, the first word, --config or HIPFLASK_STORE names; throws ERR_SESSION_USE when none does.
 * What is missing is made only as far as `makes` says.
 */
async function openPlace(call: Call, makes: Makes): Promise<Place> {
  const [first, ...rest] = call.words
  const isUrl = first !== undefined && hasScheme.test(first)
  const option = call.text('store')
  const given = option ?? (isUrl ? first : undefined)
  const words = option === undefined && isUrl ? rest : call.words
  const config = call.text('config')
  if (given !== undefined && config !== undefined)
    throw misuse('--config and a store cannot be used together; --config brings its own store')
  if (config !== undefined) return { sessions: await configured(config), store: null, words }
  if (first !== undefined && given === undefined) refusePath(first)
  const url = given ?? process.env['HIPFLASK_STORE']
  if (url === undefined || url === '')
    throw misuse(
      'it is not said where the sessions are: --store URL, --config FILE, or HIPFLASK_STORE in the environment',
    )
  refusePath(url)
  const address = parseAddress(url)
  if (given !== undefined && address.password !== '')
    call.out.note('A password on the command line is seen by others on this machine; use HIPFLASK_STORE.')
  if (address.scheme === 'memory')
    throw misuse(
      'memory: keeps sessions inside one running process, so there is nothing to be found from here; name a store on disk or on a server',
    )
  const local = makes === 'nothing' ? /^(?:file|sqlite)$/ : makes === 'tables' ? /^file$/ : /(?!)/
  if (
    local.test(address.scheme) &&
    address.hosts.length === 0 &&
    address.path !== '' &&
    !existsSync(address.path)
  )
    throw misuse(`the store's path does not exist: ${address.path}`)
  if (address.scheme === 'file' && makes !== 'all') refuseNoStore(address.path)
  const store = await openStore(sql.test(address.scheme) ? withMigrate(url, makes !== 'nothing') : url)
  const sessions = createSessions({
    store,
    // The app's own limits are unknown here; what a record says of its end holds.
    lifetime: '36500 days',
    deadline: '10 seconds',
    gcEvery: false,
    onEvent: (event) => {
      if (event.type === 'warning') call.out.note(event.message)
    },
  })
  return { sessions, store, words }
}

/** Throws ERR_SESSION_USE for a path that stands where a URL is needed. */
export function refusePath(word: string): void {
  if (hasScheme.test(word) || !existsSync(word)) return
  const scheme = statSync(word).isDirectory() ? 'file' : 'sqlite'
  throw misuse(`a path alone is no URL; did you mean "${scheme}:${word}"`)
}

/** A directory that is no store would be made into an empty one, and a wrong path would look like a store without sessions. */
function refuseNoStore(directory: string): void {
  refuseForeign(directory)
  if (!existsSync(join(directory, LOCKS)))
    throw misuse(`no session store has ever been in ${directory}; look at the path`)
}

/** Runs `work` at the place a call names, and closes it. */
export async function at<T extends ExitCode | object>(
  call: Call,
  work: (place: Place) => Promise<T>,
  makes: Makes = 'nothing',
): Promise<T> {
  const place = await openPlace(call, makes)
  try {
    return await work(place)
  } finally {
    await place.store?.close()
  }
}

/** The `sessions` that a module exports; throws ERR_SESSION_USE when it cannot be loaded or exports none. */
async function configured(file: string): Promise<Tooled> {
  const path = resolve(file)
  if (!existsSync(path)) throw misuse(`--config: there is no file ${file}`)
  let module: Record<string, unknown>
  try {
    module = (await import(pathToFileURL(path).href)) as Record<string, unknown>
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_UNKNOWN_FILE_EXTENSION')
      throw misuse(`--config: this Node cannot load ${file}; compile it to JavaScript or use Node 22.18`)
    throw misuse(
      `--config: ${file} could not be loaded: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
  const sessions = module['sessions'] ?? module['default']
  if (!isTooled(sessions))
    throw misuse(`--config: ${file} must export what createSessions() answers, under the name \`sessions\``)
  return sessions
}

/** The id that may be shown: where a record's id is what the cookie carries, its hash stands for it. */
export function shownId(sessions: Tooled, id: string): string {
  return sessions.describe().bearerIds ? recordId(id) : id
}

/** The record that an id or its beginning names, or null; throws ERR_SESSION_USE when several begin so. */
export async function findId(call: Call, { sessions }: Place, start: string): Promise<string | null> {
  if (start.length >= 43 && !sessions.describe().bearerIds) return start
  if (start.length < 4) throw misuse('an id needs at least its first 4 characters')
  const found = new Set<string>()
  await call.out.progress('searching', async (tell) => {
    let seen = 0
    for await (const { id } of walk(sessions, call.signal)) {
      if (shownId(sessions, id).startsWith(start)) found.add(id)
      tell(`${++seen} sessions`)
    }
  })
  if (found.size > 1) throw misuse(`${found.size} sessions begin so; give more of the id`)
  return [...found][0] ?? null
}

/** A session with its values; null when it is gone, `'unreadable'` when its text is not what the serializer writes. */
export async function peeked(sessions: Tooled, id: string): Promise<PeekedSession | null | 'unreadable'> {
  try {
    return await sessions.peek(id)
  } catch (error) {
    if ((error as Error).name === 'SessionError') throw error
    return 'unreadable'
  }
}

/** A whole record as it rests, or null. */
export async function recordOf({ sessions, store }: Place, id: string): Promise<SessionRecord | null> {
  if (store !== null) {
    const stored = await store.get(id)
    if (stored === null) return null
    const { version: _, ...record } = stored
    return record
  }
  const found = await sessions.peek(id)
  if (found === null) return null
  const { size: _, ...info } = found.info
  return { ...info, data: found.data }
}

function withMigrate(url: string, migrate: boolean): string {
  if (/[?&]migrate=/.test(url)) return url
  return `${url}${url.includes('?') ? '&' : '?'}migrate=${migrate}`
}

function isTooled(value: unknown): value is Tooled {
  return (
    typeof value === 'object' &&
    value !== null &&
    needed.every((name) => typeof (value as Record<string, unknown>)[name] === 'function')
  )
}
