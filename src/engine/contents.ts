import type { SchemaResult } from '../contracts/schema.ts'
import { SessionError } from '../errors.ts'
import { flashesKey, permanentKey } from './dictionary.ts'
import type { Entries } from './merge.ts'
import type { Settings } from './settings.ts'

/** The app's values at rest as a plain live object. */
export function plain(entries: Entries, settings: Settings): Record<string, unknown> {
  const values: [string, unknown][] = []
  for (const [key, kept] of entries) {
    if (key !== permanentKey && key !== flashesKey) values.push([key, settings.serializer.live(kept)])
  }
  return Object.fromEntries(values)
}

/** Whether a session holds nothing worth a record: no value and no message. */
export function isEmpty(entries: Entries): boolean {
  return entries.size === 0 || (entries.size === 1 && entries.has(permanentKey))
}

/** The bytes of a session's text. */
export function size(data: string, { serializer }: Settings): number {
  return serializer.bytes === true ? data.length : Buffer.byteLength(data)
}

/** The text of a session, checked against the schema and `maxBytes`; throws ERR_SESSION_SCHEMA or ERR_SESSION_SIZE. */
export function text(entries: Entries, settings: Settings): string {
  const issues = settings.schema === null ? [] : mismatches(entries, settings)
  if (issues.length > 0) {
    throw new SessionError(
      'ERR_SESSION_SCHEMA',
      `The session does not fit its schema at ${issues.join(', ')}; it was not stored.`,
    )
  }
  const data = settings.serializer.encode(entries)
  // A UTF-16 unit is at most three bytes of UTF-8, so most texts need no counting.
  if (data.length * 3 > settings.maxBytes) {
    const bytes = size(data, settings)
    if (bytes > settings.maxBytes) {
      throw new SessionError(
        'ERR_SESSION_SIZE',
        `The session would be ${bytes} bytes; \`maxBytes\` is ${settings.maxBytes}. Keep less in the session: an id here, the rest in your database.`,
      )
    }
  }
  return data
}

/** Where the values do not fit the schema: paths, no values. */
export function mismatches(entries: Entries, settings: Settings): string[] {
  const result = settings.schema?.['~standard'].validate(plain(entries, settings))
  if (result instanceof Promise) {
    throw new SessionError(
      'ERR_SESSION_CONFIG',
      '`schema` validates asynchronously; a session needs one that answers at once.',
    )
  }
  return issuePaths(result)
}

function issuePaths(result: SchemaResult<unknown> | undefined): string[] {
  return (result?.issues ?? []).map(({ path = [] }) =>
    path.length === 0
      ? 'its root'
      : path.map((step) => String(typeof step === 'object' ? step.key : step)).join('.'),
  )
}
