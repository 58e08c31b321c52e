import path from 'node:path'
import type { SessionStore } from 'hipflask'
import { fileStore } from 'hipflask/stores/file'
import { openStore } from 'hipflask/stores/url'
import type { AppName } from './apps.ts'

const examples = path.dirname(import.meta.dirname)

/** Where session files go: a directory per example. */
export const sessionDirectory = process.env.SESSION_FILE_DIR ?? path.join(examples, 'flask_session')

/** The store that SESSION_STORE names, such as `redis://127.0.0.1:6379`, shared by all examples; null without it. */
export const namedStore: SessionStore | null = await openNamed(process.env.SESSION_STORE)

const stores = new Map<AppName, SessionStore>()

/** The store of an example's sessions. This is the place to choose another one. */
export function storeFor(name: AppName): SessionStore {
  const store = namedStore ?? stores.get(name) ?? fileStore(path.join(sessionDirectory, name))
  stores.set(name, store)
  return store
}

async function openNamed(url: string | undefined): Promise<SessionStore | null> {
  if (url === undefined || url === '') return null
  try {
    return await openStore(url)
  } catch (error) {
    // Of the cause only its code: a driver's words may hold the password.
    const { message, cause } = error as Error
    const code = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : ''
    console.error(`SESSION_STORE: ${message}${code}`)
    process.exit(1)
  }
}
