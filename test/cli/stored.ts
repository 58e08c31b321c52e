import { createSessions, type SessionStore, type Sessions } from '../../src/index.ts'

/** What the sessions of these tests hold. */
export interface Data {
  username?: string
  password?: string
  note?: string
  [key: string]: unknown
}

/** Sessions as an app would have them. */
export function appSessions(store: SessionStore): Sessions<Data> {
  return createSessions<Data>({ store, userOf: (data) => data.username, permanent: true })
}

/** Begins a session; answers the cookie its browser keeps and its id. */
export async function begin(
  sessions: Sessions<Data>,
  values: Data,
  label?: string,
): Promise<{ cookie: string; id: string }> {
  const visit = await sessions.open(undefined, { secure: false, ...(label === undefined ? {} : { label }) })
  Object.assign(visit.session, values)
  const { setCookie } = await visit.close()
  const { id } = visit.session.meta
  return { cookie: setCookie!.split(';')[0]!, id: id! }
}

/** What a browser with this cookie finds. */
export async function found(sessions: Sessions<Data>, cookie: string): Promise<Partial<Data>> {
  const visit = await sessions.open(cookie, { secure: false })
  const values = visit.session.toJSON()
  await visit.close()
  return values
}

/** Changes a session as a request would. */
export async function change(sessions: Sessions<Data>, cookie: string, values: Data): Promise<void> {
  const visit = await sessions.open(cookie, { secure: false })
  Object.assign(visit.session, values)
  await visit.close()
}
