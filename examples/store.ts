import path from 'node:path'
import type { SessionStore } from 'hipflask'
import { fileStore } from 'hipflask/stores/file'
import type { AppName } from './apps.ts'

const examples = path.dirname(import.meta.dirname)

/** Where session files go: a directory per example. */
export const sessionDirectory = process.env.SESSION_FILE_DIR ?? path.join(examples, 'flask_session')

const stores = new Map<AppName, SessionStore>()

/** The store of an example's sessions. This is the place to choose another one. */
export function storeFor(name: AppName): SessionStore {
  const store = stores.get(name) ?? fileStore(path.join(sessionDirectory, name))
  stores.set(name, store)
  return store
}
