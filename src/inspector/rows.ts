import type { SessionInfo } from '../contracts/store.ts'
import type { Description } from '../engine/description.ts'
import type { PeekedSession } from '../engine/store-keeper.ts'
import { recordId } from '../lib/id.ts'
import { type Attribute, explainCookie } from './cookie-explained.ts'
import { holdsBack, type Shown, shown, wide } from './shown.ts'
import type { Seen, Watch } from './watch.ts'

/** What of `Sessions` lists need. */
export interface Listed {
  describe(): Description
  page(
    cursor: string | null,
    limit: number,
  ): Promise<{ readonly sessions: readonly SessionInfo[]; readonly next: string | null }>
  peek(id: string): Promise<PeekedSession | null>
  list(user: string): Promise<SessionInfo[]>
}

/** One session in a list. `id` is what may be shown; times are milliseconds since 1970. */
export interface Row {
  readonly id: string
  readonly user: string | null
  readonly label: string | null
  readonly createdAt: number
  readonly seenAt: number
  readonly expiresAt: number
  readonly endsAt: number
  readonly size: number
  /** How many keys it has; null where that could not be read. */
  readonly keys: number | null
}

/** One session in full. */
export interface Detail {
  readonly row: Row | null
  readonly values: Shown | null
  /** The stored text, or null where it holds something masked. */
  readonly raw: string | null
  readonly permanent: boolean
  readonly cookies: readonly { readonly secure: boolean; readonly attributes: readonly Attribute[] }[]
  readonly timeline: readonly Seen[]
}

/** How many sessions a page of the list has: each costs a read. */
const pageSize = 25
const longestRaw = 20_000
const rememberedHandles = 5_000

/** Sessions under ids that may be shown: where a record's id is what the cookie carries, its hash stands for it. */
export class Rows {
  readonly #sessions: Listed
  readonly #watch: Watch
  readonly #mask: RegExp
  readonly #ids = new Map<string, string>()

  constructor(sessions: Listed, watch: Watch, mask: RegExp) {
    this.#sessions = sessions
    this.#watch = watch
    this.#mask = mask
  }

  /** The record's id that a shown id stands for. */
  record(shownId: string): string {
    return this.#ids.get(shownId) ?? shownId
  }

  async page(cursor: string | null): Promise<{ rows: Row[]; next: string | null }> {
    const { sessions, next } = await this.#sessions.page(cursor, pageSize)
    return { rows: await this.#counted(sessions), next }
  }

  /** The newest sessions of a user, as many as fit on a page; `more` is how many others there are. */
  async ofUser(user: string): Promise<{ rows: Row[]; more: number }> {
    const all = await this.#sessions.list(user)
    return { rows: await this.#counted(all.slice(0, pageSize)), more: Math.max(0, all.length - pageSize) }
  }

  /** A session in full; `reveal` shows what the mask list hides. */
  async detail(shownId: string, reveal: boolean): Promise<Detail> {
    const peeked = await this.#sessions.peek(this.record(shownId))
    const values = peeked === null ? null : shown('', peeked.values, reveal ? null : this.#mask, wide)
    const description = this.#sessions.describe()
    return {
      row: peeked === null ? null : this.#row(peeked.info, Object.keys(peeked.values).length),
      values,
      raw:
        peeked === null || values === null || (!reveal && holdsBack(values))
          ? null
          : peeked.data.slice(0, longestRaw),
      permanent: peeked?.permanent ?? false,
      cookies: [true, false].map((secure) => ({ secure, attributes: explainCookie(description, secure) })),
      timeline: this.#watch.of(shownId).slice(0, 50),
    }
  }

  async #counted(infos: readonly SessionInfo[]): Promise<Row[]> {
    return Promise.all(
      infos.map(async (info) => {
        let keys: number | null = null
        try {
          keys = Object.keys((await this.#sessions.peek(info.id))?.values ?? {}).length
        } catch {
          keys = null // a record that cannot be read back is listed all the same
        }
        return this.#row(info, keys)
      }),
    )
  }

  #row(info: SessionInfo, keys: number | null): Row {
    const { user, label, createdAt, seenAt, expiresAt, endsAt, size } = info
    return { id: this.#shown(info.id), user, label, createdAt, seenAt, expiresAt, endsAt, size, keys }
  }

  #shown(id: string): string {
    if (!this.#sessions.describe().bearerIds) return id
    const handle = recordId(id)
    this.#ids.delete(handle)
    this.#ids.set(handle, id)
    if (this.#ids.size > rememberedHandles) {
      for (const oldest of this.#ids.keys()) {
        this.#ids.delete(oldest)
        break
      }
    }
    return handle
  }
}
